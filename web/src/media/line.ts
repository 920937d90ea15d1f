// Owns the measuring of this machine's line: made-up sound and pictures go to the relay and come back, by one way after
// the other. Nobody's camera, nobody else's room.
import { LocalAudioTrack, LocalVideoTrack, type RemoteTrack, Room, RoomEvent, Track } from "livekit-client";
import type { MeasuredLine, OpenedLine } from "../api/line.ts";
import { RelayBusy, reasonOf } from "./busy.ts";

export type Way = "udp" | "tcp" | "turn";

const WAY_MS = 8_000; // a way on which nothing has come back by then does not work
const WINDOW_S = 3;
const SHORTEST_S = 5;
const LONGEST_S = 18;
const ENOUGH_KBPS = 700;
const VIDEO = { maxBitrate: 900_000, maxFramerate: 15 };
const CANDIDATE = /^a=candidate:\S+ \d+ (udp|tcp) /i;

interface Count {
  at: number;
  up: number;
  down: number;
  received: number;
  lost: number;
}

/** Measures everything; `onWay` says which way is tried now. */
export async function measureLine(opened: OpenedLine, onWay: (way: Way) => void): Promise<MeasuredLine> {
  const line: MeasuredLine = { udp: null, tcp: null, turn: null, up_kbps: null, down_kbps: null, loss_percent: null, delay_ms: null };
  const source = new MadeUp();
  try {
    for (const way of opened.turn ? (["udp", "tcp", "turn"] as const) : (["udp", "tcp"] as const)) {
      onWay(way);
      const trial = new Trial(opened, way, source);
      try {
        line[way] = await trial.comesBack();
        if (line[way] && line.up_kbps === null) Object.assign(line, await trial.figures());
      } finally {
        await trial.close();
      }
    }
  } finally {
    source.stop();
  }
  return line;
}

/** Pictures that cannot be compressed away, and a quiet hum. */
class MadeUp {
  readonly picture: MediaStreamTrack;
  readonly sound: MediaStreamTrack;
  private readonly audio = new AudioContext();
  private readonly painting: number;

  constructor() {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [640, 360];
    const paint = canvas.getContext("2d");
    if (!paint) throw new Error("no canvas");
    this.painting = window.setInterval(() => scribble(paint), 1000 / VIDEO.maxFramerate);
    const [picture] = canvas.captureStream(VIDEO.maxFramerate).getVideoTracks();
    const out = this.audio.createMediaStreamDestination();
    const hum = this.audio.createOscillator();
    hum.connect(out);
    hum.start();
    const [sound] = out.stream.getAudioTracks();
    if (!picture || !sound) throw new Error("no track");
    [this.picture, this.sound] = [picture, sound];
  }

  stop(): void {
    window.clearInterval(this.painting);
    this.picture.stop();
    this.sound.stop();
    void this.audio.close();
  }
}

function scribble(paint: CanvasRenderingContext2D): void {
  const { width, height } = paint.canvas;
  for (let count = 0; count < 500; count++) {
    paint.fillStyle = `hsl(${Math.random() * 360} 80% ${20 + Math.random() * 60}%)`;
    paint.fillRect(Math.random() * width, Math.random() * height, 24, 16);
  }
}

/** One way: a room that sends, a room that receives, both of them kept from every other way. */
class Trial {
  private readonly sender = new Room({ singlePeerConnection: false, dynacast: false, stopLocalTrackOnUnpublish: false });
  private readonly receiver = new Room({ singlePeerConnection: false, adaptiveStream: false });
  private readonly sending: (LocalAudioTrack | LocalVideoTrack)[];
  private readonly arriving = new Set<RemoteTrack>();
  private readonly opened: OpenedLine;
  private readonly way: Way;

  constructor(opened: OpenedLine, way: Way, source: MadeUp) {
    this.opened = opened;
    this.way = way;
    this.sending = [new LocalAudioTrack(source.sound.clone(), undefined, true), new LocalVideoTrack(source.picture.clone(), undefined, true)];
    this.receiver.on(RoomEvent.TrackSubscribed, (track) => this.take(track));
  }

  /** Whether what is sent this way arrives. */
  async comesBack(): Promise<boolean> {
    const plain = globalThis.RTCPeerConnection;
    globalThis.RTCPeerConnection = keptTo(this.way, plain);
    try {
      return await within(WAY_MS, this.goes());
    } catch (fault) {
      const reason = await reasonOf(fault, this.opened.url, this.opened.receiver);
      if (reason instanceof RelayBusy) throw reason;
      return false; // the way is closed: that is what was to be found out
    } finally {
      globalThis.RTCPeerConnection = plain;
    }
  }

  private async goes(): Promise<boolean> {
    const options = {
      maxRetries: 0,
      peerConnectionTimeout: WAY_MS,
      // Through a TURN server UDP would seem to be open that is not.
      rtcConfig: this.way === "turn" ? { iceTransportPolicy: "relay" as const } : { iceServers: [] },
    };
    await this.receiver.connect(this.opened.url, this.opened.receiver, options);
    await this.sender.connect(this.opened.url, this.opened.sender, options);
    const [sound, picture] = this.sending;
    if (sound) await this.sender.localParticipant.publishTrack(sound, { source: Track.Source.Microphone, dtx: false, red: false });
    if (picture) {
      const options = { source: Track.Source.Camera, videoCodec: "vp8" as const, simulcast: false, videoEncoding: VIDEO };
      await this.sender.localParticipant.publishTrack(picture, options);
    }
    while ((await this.count()).received === 0) await pause(100);
    return true;
  }

  /** What the line carries at its best: both ends begin low and feel their way up. */
  async figures(): Promise<Partial<MeasuredLine>> {
    const counts = [await this.count()];
    let [up, down] = [0, 0];
    for (let second = 1; second <= LONGEST_S && (second <= SHORTEST_S || up < ENOUGH_KBPS || down < ENOUGH_KBPS); second++) {
      await pause(1_000);
      const now = await this.count();
      const before = counts[Math.max(0, second - WINDOW_S)];
      counts.push(now);
      if (!before || second < WINDOW_S) continue;
      up = Math.max(up, kbps(now.up - before.up, now.at - before.at));
      down = Math.max(down, kbps(now.down - before.down, now.at - before.at));
    }
    return { up_kbps: up, down_kbps: down, loss_percent: lossBetween(counts[0], counts.at(-1)), delay_ms: await this.delay() };
  }

  async close(): Promise<void> {
    this.sending.forEach((track) => track.stop());
    this.arriving.forEach((track) => track.detach().forEach((element) => element.remove()));
    await Promise.allSettled([this.sender.disconnect(), this.receiver.disconnect()]);
  }

  private take(track: RemoteTrack): void {
    this.arriving.add(track);
    const element = track.attach(); // a browser decodes, and reports on, only what is played
    element.muted = true;
  }

  private async count(): Promise<Count> {
    const count = { at: performance.now(), up: 0, down: 0, received: 0, lost: 0 };
    for (const report of await this.reports()) {
      for (const one of report.values()) {
        if (one.type === "outbound-rtp") count.up += Number(one.bytesSent ?? 0);
        if (one.type !== "inbound-rtp") continue;
        count.down += Number(one.bytesReceived ?? 0);
        count.received += Number(one.packetsReceived ?? 0);
        count.lost += Number(one.packetsLost ?? 0);
      }
    }
    return count;
  }

  private async delay(): Promise<number | null> {
    for (const report of await this.reports()) {
      for (const one of report.values()) {
        if (one.type === "candidate-pair" && one.nominated && one.currentRoundTripTime !== undefined) {
          return Math.round(Number(one.currentRoundTripTime) * 1000);
        }
      }
    }
    return null;
  }

  private async reports(): Promise<RTCStatsReport[]> {
    const all = [...this.sending, ...this.arriving].map((track) => track.getRTCStatsReport());
    return (await Promise.all(all)).filter((report) => report !== undefined);
  }
}

/** Peer connections that hear only of the server's candidates on this way. */
function keptTo(way: Way, Plain: typeof RTCPeerConnection): typeof RTCPeerConnection {
  const belongs = (line: string) => {
    const protocol = CANDIDATE.exec(line)?.[1]?.toLowerCase();
    return way === "turn" || protocol === undefined || protocol === way;
  };
  return class extends Plain {
    override setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
      const sdp = (description.sdp ?? "").split("\r\n").filter(belongs).join("\r\n");
      return super.setRemoteDescription({ type: description.type, sdp });
    }

    override addIceCandidate(candidate?: RTCIceCandidateInit | null): Promise<void> {
      if (candidate && !belongs(`a=${candidate.candidate ?? ""}`)) return Promise.resolve();
      return super.addIceCandidate(candidate ?? undefined);
    }
  };
}

function kbps(bytes: number, ms: number): number {
  return Math.max(0, Math.round((bytes * 8) / ms));
}

function lossBetween(before: Count | undefined, after: Count | undefined): number {
  if (!before || !after) return 100;
  const received = after.received - before.received;
  const lost = Math.max(0, after.lost - before.lost);
  return received + lost ? Math.round((1000 * lost) / (received + lost)) / 10 : 100;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function within<Found>(ms: number, work: Promise<Found>): Promise<Found> {
  const late = pause(ms).then(() => {
    throw new Error("too late");
  });
  return Promise.race([work, late]);
}
