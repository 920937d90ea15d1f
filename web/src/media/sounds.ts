// Owns the loudspeaker's side: one audio element a track that is heard, all at one volume.
import type { RemoteTrack } from "livekit-client";

export class Sounds {
  private readonly elements = new Map<string, HTMLMediaElement>();
  private volume = 1;
  private speaker = "";

  play(sid: string, identity: string, track: RemoteTrack): void {
    // an element of our own: the library would hand out one that another track has just left
    const element = document.createElement("audio");
    element.autoplay = true;
    element.hidden = true;
    element.dataset["sound"] = identity;
    track.attach(element);
    document.body.append(element);
    this.elements.set(sid, element);
    this.tune(element);
  }

  stop(sid: string): void {
    this.elements.get(sid)?.remove();
    this.elements.delete(sid);
  }

  stopAll(): void {
    for (const sid of [...this.elements.keys()]) this.stop(sid);
  }

  setVolume(volume: number): void {
    this.volume = volume;
    for (const element of this.elements.values()) this.tune(element);
  }

  /** "": the loudspeaker that the machine takes by itself. */
  setSpeaker(id: string): void {
    this.speaker = id;
    for (const element of this.elements.values()) this.tune(element);
  }

  private tune(element: HTMLMediaElement): void {
    element.volume = this.volume;
    element.muted = this.volume === 0;
    if ("setSinkId" in element && element.sinkId !== this.speaker) {
      element.setSinkId(this.speaker).catch(() => undefined); // unplugged: the default one goes on
    }
  }
}
