// Owns this machine's camera and microphone: asks for each, says in one word how it is, measures the microphone.
// A missing or forbidden device is a state, not an error.
import { signal } from "@preact/signals";
import { hear, quiet } from "../state/talking.ts";
import { LevelMeter } from "./level.ts";

export type DeviceState = "asking" | "well" | "none" | "forbidden" | "busy" | "insecure";

export type Kind = "audio" | "video";
const KEPT = { audio: "microphone-id", video: "camera-id" } as const;
const CAMERA: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25, max: 30 } };
const MICROPHONE: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

export class Devices {
  readonly camera = signal<MediaStreamTrack | null>(null);
  readonly microphone = signal<MediaStreamTrack | null>(null);
  readonly cameraState = signal<DeviceState>("asking");
  readonly microphoneState = signal<DeviceState>("asking");
  /** Loudness of this room, 0 to 1, also while muted: people see that the machine hears them. */
  readonly level = signal(0);
  /** Whether somebody speaks in this room: said to who forgot that the microphone is off. */
  readonly talking = signal(false);
  private talk = quiet;
  /** What is plugged in, by name; names are told only once a device was allowed. */
  readonly list = signal<MediaDeviceInfo[]>([]);
  private meter: LevelMeter | null = null;

  async ask(): Promise<void> {
    if (!navigator.mediaDevices?.getUserMedia) {
      this.cameraState.value = this.microphoneState.value = "insecure";
      return;
    }
    const both = await this.together();
    if (!both) await Promise.all([this.askFor("audio"), this.askFor("video")]);
    navigator.mediaDevices.addEventListener("devicechange", () => void this.recover());
    await this.look();
  }

  /** One question to the user instead of two, where both devices are there. */
  private async together(): Promise<boolean> {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: wanted("audio"), video: wanted("video") });
      this.take(stream.getAudioTracks()[0] ?? null, stream.getVideoTracks()[0] ?? null);
      return true;
    } catch {
      return false;
    }
  }

  /** Another camera or microphone, also while the meeting runs; kept for the next time. */
  async choose(kind: Kind, id: string): Promise<void> {
    localStorage.setItem(KEPT[kind], id);
    await this.askFor(kind);
  }

  private async look(): Promise<void> {
    this.list.value = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  }

  async askFor(kind: Kind): Promise<void> {
    const state = kind === "audio" ? this.microphoneState : this.cameraState;
    const before = state.value;
    if (before !== "well") state.value = "asking";
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ [kind]: wanted(kind) });
      if (kind === "audio") this.take(stream.getAudioTracks()[0] ?? null, this.camera.value);
      else this.take(this.microphone.value, stream.getVideoTracks()[0] ?? null);
    } catch (fault) {
      if (before === "well") return; // the one in use goes on
      state.value = wordFor(fault);
    }
    void this.look();
  }

  private take(microphone: MediaStreamTrack | null, camera: MediaStreamTrack | null): void {
    if (microphone && microphone !== this.microphone.value) this.takeMicrophone(microphone);
    if (camera && camera !== this.camera.value) this.takeCamera(camera);
  }

  private takeMicrophone(track: MediaStreamTrack): void {
    const before = this.microphone.value;
    this.microphone.value = track;
    before?.stop();
    this.microphoneState.value = "well";
    this.meter?.stop();
    this.meter = new LevelMeter(track, (level) => this.hear(level));
    track.addEventListener("ended", () => {
      if (this.microphone.value !== track) return;
      this.microphone.value = null;
      this.microphoneState.value = "none";
      this.level.value = 0;
    });
  }

  private hear(level: number): void {
    this.level.value = level;
    this.talk = hear(this.talk, level);
    this.talking.value = this.talk.talking;
  }

  private takeCamera(track: MediaStreamTrack): void {
    const before = this.camera.value;
    this.camera.value = track;
    before?.stop();
    this.cameraState.value = "well";
    track.addEventListener("ended", () => {
      if (this.camera.value !== track) return;
      this.camera.value = null;
      this.cameraState.value = "none";
    });
  }

  /** A cable was put in: try again what was missing, without asking for what is well. */
  private async recover(): Promise<void> {
    if (this.microphoneState.value === "none") await this.askFor("audio");
    if (this.cameraState.value === "none") await this.askFor("video");
    await this.look();
  }
}

/** The one chosen last if it is still there, else whatever the browser takes. */
function wanted(kind: Kind): MediaTrackConstraints {
  const id = localStorage.getItem(KEPT[kind]);
  const constraints = kind === "audio" ? MICROPHONE : CAMERA;
  return id ? { ...constraints, deviceId: { ideal: id } } : constraints;
}

function wordFor(fault: unknown): DeviceState {
  switch (fault instanceof DOMException ? fault.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "forbidden";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "none";
  }
}
