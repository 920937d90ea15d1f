// Owns this machine's camera and microphone: asks for each, says in one word how it is, measures the microphone.
// A missing or forbidden device is a state, not an error.
import { signal } from "@preact/signals";
import { LevelMeter } from "./level.ts";

export type DeviceState = "asking" | "well" | "none" | "forbidden" | "busy" | "insecure";

const CAMERA: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25, max: 30 } };
const MICROPHONE: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

export class Devices {
  readonly camera = signal<MediaStreamTrack | null>(null);
  readonly microphone = signal<MediaStreamTrack | null>(null);
  readonly cameraState = signal<DeviceState>("asking");
  readonly microphoneState = signal<DeviceState>("asking");
  /** Loudness of this room, 0 to 1, also while muted: people see that the machine hears them. */
  readonly level = signal(0);
  private meter: LevelMeter | null = null;

  async ask(): Promise<void> {
    if (!navigator.mediaDevices?.getUserMedia) {
      this.cameraState.value = this.microphoneState.value = "insecure";
      return;
    }
    const both = await this.together();
    if (!both) await Promise.all([this.askFor("audio"), this.askFor("video")]);
    navigator.mediaDevices.addEventListener("devicechange", () => void this.recover());
  }

  /** One question to the user instead of two, where both devices are there. */
  private async together(): Promise<boolean> {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: MICROPHONE, video: CAMERA });
      this.take(stream.getAudioTracks()[0] ?? null, stream.getVideoTracks()[0] ?? null);
      return true;
    } catch {
      return false;
    }
  }

  async askFor(kind: "audio" | "video"): Promise<void> {
    const state = kind === "audio" ? this.microphoneState : this.cameraState;
    state.value = "asking";
    try {
      const wanted = kind === "audio" ? { audio: MICROPHONE } : { video: CAMERA };
      const stream = await navigator.mediaDevices.getUserMedia(wanted);
      if (kind === "audio") this.take(stream.getAudioTracks()[0] ?? null, this.camera.value);
      else this.take(this.microphone.value, stream.getVideoTracks()[0] ?? null);
    } catch (fault) {
      state.value = wordFor(fault);
    }
  }

  private take(microphone: MediaStreamTrack | null, camera: MediaStreamTrack | null): void {
    if (microphone && microphone !== this.microphone.value) this.takeMicrophone(microphone);
    if (camera && camera !== this.camera.value) this.takeCamera(camera);
  }

  private takeMicrophone(track: MediaStreamTrack): void {
    this.microphone.value = track;
    this.microphoneState.value = "well";
    this.meter?.stop();
    this.meter = new LevelMeter(track, (level) => (this.level.value = level));
    track.addEventListener("ended", () => {
      if (this.microphone.value !== track) return;
      this.microphone.value = null;
      this.microphoneState.value = "none";
      this.level.value = 0;
    });
  }

  private takeCamera(track: MediaStreamTrack): void {
    this.camera.value = track;
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
  }
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
