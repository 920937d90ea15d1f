// Owns what the person at this machine wants of it: microphone, camera, loudspeaker. Kept over a reload of the tab.
import { computed, signal } from "@preact/signals";

const QUIETEST = 0.2;

export class Wishes {
  readonly microphone = signal(sessionStorage.getItem("microphone") === "on");
  readonly camera = signal(sessionStorage.getItem("camera") !== "off");
  /** A second machine in the same hall: it neither hears nor is heard, so that nothing howls. */
  readonly soundOff = signal(sessionStorage.getItem("sound-off") === "yes");
  /** For a line too thin for pictures. */
  readonly soundOnly = signal(sessionStorage.getItem("sound-only") === "yes");
  readonly volume = signal(Number(localStorage.getItem("volume") ?? "1") || 1);
  /** Which loudspeaker; "": whichever the machine takes. */
  readonly speaker = signal(localStorage.getItem("speaker-id") ?? "");
  readonly heardAt = computed(() => (this.soundOff.value ? 0 : this.volume.value));
  readonly sent = computed(() => ({ microphone: this.microphone.value && !this.soundOff.value, camera: this.camera.value && !this.soundOnly.value }));

  /** Whether nobody has pressed the microphone's button yet in this meeting. */
  get microphoneUntouched(): boolean {
    return sessionStorage.getItem("microphone") === null;
  }

  setMicrophone(on: boolean): void {
    this.microphone.value = on;
    sessionStorage.setItem("microphone", on ? "on" : "off");
  }

  /** The next meeting starts as the first did: silent, but for the main point. */
  forgetMicrophone(): void {
    this.microphone.value = false;
    sessionStorage.removeItem("microphone");
  }

  setCamera(on: boolean): void {
    this.camera.value = on;
    sessionStorage.setItem("camera", on ? "on" : "off");
  }

  setSoundOnly(on: boolean): void {
    this.soundOnly.value = on;
    sessionStorage.setItem("sound-only", on ? "yes" : "no");
  }

  setVolume(volume: number): void {
    this.volume.value = Math.min(1, Math.max(QUIETEST, Math.round(volume * 10) / 10));
    localStorage.setItem("volume", String(this.volume.value));
  }

  setSpeaker(id: string): void {
    this.speaker.value = id;
    localStorage.setItem("speaker-id", id);
  }

  setSoundOff(off: boolean): void {
    this.soundOff.value = off;
    sessionStorage.setItem("sound-off", off ? "yes" : "no");
    this.setMicrophone(false); // back with sound, it still listens first
  }
}
