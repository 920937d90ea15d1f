// Owns the calls of the line check: it is begun, and its figures are told.
import { call } from "./client.ts";
import type { Kind } from "./shapes.ts";

export interface OpenedLine {
  id: string;
  url: string;
  sender: string;
  receiver: string;
  turn: boolean;
}

/** null: not tried, or nothing was measured. */
export interface MeasuredLine {
  udp: boolean | null;
  tcp: boolean | null;
  turn: boolean | null;
  up_kbps: number | null;
  down_kbps: number | null;
  loss_percent: number | null;
  delay_ms: number | null;
}

export type Level = "fine" | "fair" | "bad";
export type Judged = "all" | "way" | "up" | "down" | "loss" | "delay";
export interface Verdict {
  level: Level;
  verdicts: Partial<Record<Judged, Level>>;
}

export function openLine(as: Kind): Promise<OpenedLine> {
  return call("POST", `/api/line?as=${as}`);
}

export function tellLine(as: Kind, id: string, line: MeasuredLine): Promise<Verdict> {
  return call("POST", `/api/line/${encodeURIComponent(id)}?as=${as}`, line);
}
