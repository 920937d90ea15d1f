// Owns what the server tells a page at its birth: one JSON block, never a secret.
import type { Kind } from "./api/shapes.ts";

export interface PageData {
  page: "room" | "console";
  locale: "vi" | "en";
  time_zone: string;
  office: string;
  helpline: string;
  meeting_id: string | null;
  caller: { kind: Kind; name: string };
}

export function readPageData(): PageData {
  const block = document.getElementById("page-data");
  if (!block?.textContent) throw new Error("the page has no data block");
  return JSON.parse(block.textContent) as PageData;
}
