// Owns what this page sends of its devices: one copy of each device's track, published as far as wished and allowed.
import { ConnectionState, LocalAudioTrack, type LocalTrackPublication, LocalVideoTrack, type Room, Track } from "livekit-client";

export type Kind = "microphone" | "camera";
export interface Sending {
  devices: Record<Kind, MediaStreamTrack | null>;
  wishes: Record<Kind, boolean>;
}

const SOURCE = { microphone: Track.Source.Microphone, camera: Track.Source.Camera } as const;
// what livekit-protocol calls these sources in a participant's permissions
const SOURCE_NUMBER = { camera: 1, microphone: 2 } as const;

export class Publisher {
  private readonly room: Room;
  private readonly changed: () => void;
  private sending: Sending;
  private readonly local: { microphone: LocalAudioTrack | null; camera: LocalVideoTrack | null } = { microphone: null, camera: null };
  /** Which device the publication is a copy of. */
  private readonly sent: Sending["devices"] = { microphone: null, camera: null };
  private working: Promise<void> | null = null;
  private again = false;

  constructor(room: Room, sending: Sending, changed: () => void) {
    this.room = room;
    this.sending = sending;
    this.changed = changed;
  }

  set(sending: Sending): void {
    this.sending = sending;
    this.arrange();
  }

  /** Bring what is published to what is wished and allowed. Calls while it works are folded into one more round. */
  arrange(): void {
    this.again = true;
    this.working ??= this.arrangeAll().finally(() => (this.working = null));
  }

  /** The copies end here; the devices themselves go on. */
  close(): void {
    this.drop("microphone");
    this.drop("camera");
  }

  onUnpublished(publication: LocalTrackPublication): void {
    if (publication.source === Track.Source.Microphone) this.drop("microphone");
    if (publication.source === Track.Source.Camera) this.drop("camera");
    if (publication.source === Track.Source.ScreenShare) publication.track?.stop();
    this.arrange();
  }

  private may(kind: Kind): boolean {
    const permissions = this.room.localParticipant.permissions;
    if (!permissions?.canPublish) return false;
    const sources = permissions.canPublishSources as number[];
    return sources.length === 0 || sources.includes(SOURCE_NUMBER[kind]);
  }

  private async arrangeAll(): Promise<void> {
    while (this.again) {
      this.again = false;
      if (this.room.state !== ConnectionState.Connected) return;
      // one that fails must not keep the other from being heard
      await this.arrangeOne("microphone").catch(() => undefined);
      await this.arrangeOne("camera").catch(() => undefined);
      this.changed();
    }
  }

  private async arrangeOne(kind: Kind): Promise<void> {
    const device = this.sending.devices[kind];
    if (!this.may(kind)) return;
    if (this.local[kind] && device !== this.sent[kind]) await this.withdraw(kind);
    // a muted microphone is published, so that it opens at once; a camera that is off is not
    if (!this.local[kind] && device && (kind === "microphone" || this.sending.wishes.camera)) await this.publish(kind, device);
    await put(this.local[kind], this.sending.wishes[kind]);
  }

  /** A copy for each publication: Chromium names one track, sent twice, differently in its offer, and none knows it again. */
  private async publish(kind: Kind, device: MediaStreamTrack): Promise<void> {
    this.sent[kind] = device;
    const copy = device.clone();
    const track = kind === "microphone" ? new LocalAudioTrack(copy, undefined, true) : new LocalVideoTrack(copy, undefined, true);
    if (track instanceof LocalAudioTrack) this.local.microphone = track;
    else this.local.camera = track;
    if (!this.sending.wishes[kind]) await track.mute();
    try {
      await this.room.localParticipant.publishTrack(track, { source: SOURCE[kind] });
    } catch (fault) {
      this.drop(kind);
      throw fault;
    }
  }

  private async withdraw(kind: Kind): Promise<void> {
    const track = this.local[kind];
    if (track) await this.room.localParticipant.unpublishTrack(track);
    this.drop(kind);
  }

  private drop(kind: Kind): void {
    this.local[kind]?.stop();
    this.local[kind] = null;
  }
}

async function put(track: LocalAudioTrack | LocalVideoTrack | null, on: boolean): Promise<void> {
  if (!track || track.isMuted === !on) return;
  await (on ? track.unmute() : track.mute());
}
