// Owns the media connection of this page: one LiveKit room at a time, what is published, who is seen and heard.
// Whoever uses it says what should be on; it brings the room there as far as the server allows, again and again.
import { signal } from "@preact/signals";
import {
  ConnectionState, DisconnectReason, type LocalTrackPublication, LocalAudioTrack, LocalVideoTrack, type Participant, type RemoteTrack,
  type RemoteTrackPublication, Room, RoomEvent, type RoomOptions, Track, type TrackPublication, VideoPresets,
} from "livekit-client";
import { type Peer, peerOf } from "./peer.ts";

export type Lost = "elsewhere" | "sent out" | "lost";
export interface Wishes {
  microphone: boolean;
  camera: boolean;
}

type Kind = "microphone" | "camera";
const SOURCE = { microphone: Track.Source.Microphone, camera: Track.Source.Camera } as const;

const OPTIONS: RoomOptions = {
  adaptiveStream: true,
  dynacast: true,
  singlePeerConnection: false,
  stopLocalTrackOnUnpublish: false,
  disconnectOnPageLeave: true,
  // Its own attempts are given up early: ours fetch a fresh token and never end.
  reconnectPolicy: { nextRetryDelayInMs: ({ retryCount, elapsedMs }) => (elapsedMs > 1_200 ? null : 200 * 2 ** retryCount) },
  publishDefaults: {
    videoCodec: "vp8",
    simulcast: true,
    videoSimulcastLayers: [VideoPresets.h180, VideoPresets.h360],
    dtx: true,
    red: false,
  },
};
// what livekit-protocol calls these sources in a participant's permissions
const SOURCE_NUMBER = { camera: 1, microphone: 2, screen: 3 } as const;

export class MediaLink {
  readonly peers = signal<Peer[]>([]);
  readonly published = signal({ microphone: false, camera: false, screen: false });
  readonly mayPlay = signal(true);
  readonly shaky = signal(false);
  onLost: (why: Lost) => void = () => undefined;
  /** The server muted us: the page's wish has changed with it. */
  onMutedByServer: () => void = () => undefined;

  private room: Room | null = null;
  private wishes: Wishes = { microphone: false, camera: false };
  private tracks: { microphone: MediaStreamTrack | null; camera: MediaStreamTrack | null } = { microphone: null, camera: null };
  private local: { microphone: LocalAudioTrack | null; camera: LocalVideoTrack | null } = { microphone: null, camera: null };
  /** Which device the publication is a copy of. */
  private sent: { microphone: MediaStreamTrack | null; camera: MediaStreamTrack | null } = { microphone: null, camera: null };
  private sounds = new Map<string, HTMLMediaElement>();
  private volume = 1;
  private soundOnly = false;
  private arranging: Promise<void> | null = null;
  private arrangeAgain = false;

  get connected(): boolean {
    return this.room?.state === ConnectionState.Connected;
  }

  async connect(url: string, token: string): Promise<void> {
    await this.close();
    const room = new Room(OPTIONS);
    this.room = room;
    this.listen(room);
    try {
      await room.connect(url, token, { autoSubscribe: true, maxRetries: 0, websocketTimeout: 5_000, peerConnectionTimeout: 10_000 });
    } catch (fault) {
      await this.close();
      throw fault;
    }
    this.shaky.value = false;
    this.mayPlay.value = room.canPlaybackAudio;
    this.see();
    void this.arrange();
  }

  async close(): Promise<void> {
    const room = this.room;
    if (!room) return;
    this.room = null;
    room.removeAllListeners();
    this.drop("microphone");
    this.drop("camera");
    this.sounds.forEach((element) => element.remove());
    this.sounds.clear();
    this.published.value = { microphone: false, camera: false, screen: false };
    await room.disconnect(false);
  }

  /** The pictures stay as they were when the link broke; only a real end clears them. */
  forget(): void {
    this.peers.value = [];
  }

  use(tracks: { microphone: MediaStreamTrack | null; camera: MediaStreamTrack | null }): void {
    this.tracks = tracks;
    void this.arrange();
  }

  wish(wishes: Wishes): void {
    this.wishes = wishes;
    void this.arrange();
  }

  setVolume(volume: number): void {
    this.volume = volume;
    for (const element of this.sounds.values()) this.tune(element);
  }

  setSoundOnly(on: boolean): void {
    this.soundOnly = on;
    this.room?.remoteParticipants.forEach((participant) =>
      participant.videoTrackPublications.forEach((publication) => publication.setSubscribed(!on)),
    );
  }

  async startSound(): Promise<void> {
    await this.room?.startAudio();
    this.mayPlay.value = this.room?.canPlaybackAudio ?? true;
  }

  async shareScreen(on: boolean): Promise<void> {
    try {
      await this.room?.localParticipant.setScreenShareEnabled(on, { audio: true, contentHint: "detail" }, { simulcast: false });
    } catch (fault) {
      if (!(fault instanceof DOMException)) throw fault; // closing the browser's question is an answer, too
    } finally {
      this.see();
    }
  }

  private listen(room: Room): void {
    const see = () => this.see();
    for (const event of [
      RoomEvent.ParticipantConnected, RoomEvent.ParticipantDisconnected, RoomEvent.TrackUnpublished, RoomEvent.TrackMuted,
      RoomEvent.TrackUnmuted, RoomEvent.LocalTrackPublished, RoomEvent.ActiveSpeakersChanged, RoomEvent.ParticipantNameChanged,
      RoomEvent.TrackStreamStateChanged, RoomEvent.ConnectionQualityChanged,
    ] as const) {
      room.on(event, see);
    }
    room
      .on(RoomEvent.TrackPublished, (publication) => this.onPublished(publication))
      .on(RoomEvent.TrackSubscribed, (track, publication, participant) => this.onSubscribed(track, publication, participant.identity))
      .on(RoomEvent.TrackUnsubscribed, (track, publication) => this.onUnsubscribed(track, publication))
      .on(RoomEvent.TrackMuted, (publication, participant) => this.onMuted(room, publication, participant))
      .on(RoomEvent.LocalTrackUnpublished, (publication) => this.onUnpublished(publication))
      .on(RoomEvent.ParticipantPermissionsChanged, (_, participant) => participant === room.localParticipant && void this.arrange())
      .on(RoomEvent.AudioPlaybackStatusChanged, () => (this.mayPlay.value = room.canPlaybackAudio))
      .on(RoomEvent.SignalReconnecting, () => (this.shaky.value = true))
      .on(RoomEvent.Reconnecting, () => (this.shaky.value = true))
      .on(RoomEvent.Reconnected, () => this.onReconnected())
      .on(RoomEvent.Disconnected, (reason) => this.onDisconnected(room, reason));
  }

  private onReconnected(): void {
    this.shaky.value = false;
    this.see();
    void this.arrange();
  }

  private onDisconnected(room: Room, reason: DisconnectReason | undefined): void {
    if (this.room !== room) return;
    void this.close();
    if (reason === DisconnectReason.DUPLICATE_IDENTITY) this.onLost("elsewhere");
    else if (reason === DisconnectReason.PARTICIPANT_REMOVED || reason === DisconnectReason.ROOM_DELETED) this.onLost("sent out");
    else this.onLost("lost");
  }

  private onPublished(publication: RemoteTrackPublication): void {
    if (this.soundOnly && publication.kind === Track.Kind.Video) publication.setSubscribed(false);
    this.see();
  }

  private onSubscribed(track: RemoteTrack, publication: RemoteTrackPublication, identity: string): void {
    if (track.kind === Track.Kind.Audio) {
      // an element of our own: the library would hand out one that another track has just left
      const element = document.createElement("audio");
      element.autoplay = true;
      element.hidden = true;
      track.attach(element);
      element.dataset["sound"] = identity;
      document.body.append(element);
      this.sounds.set(publication.trackSid, element);
      this.tune(element);
    }
    this.see();
  }

  private onUnsubscribed(track: RemoteTrack, publication: RemoteTrackPublication): void {
    track.detach();
    this.sounds.get(publication.trackSid)?.remove();
    this.sounds.delete(publication.trackSid);
    this.see();
  }

  private tune(element: HTMLMediaElement): void {
    element.volume = this.volume;
    element.muted = this.volume === 0;
  }

  private onMuted(room: Room, publication: TrackPublication, participant: Participant): void {
    const ours = participant === room.localParticipant && publication.source === Track.Source.Microphone;
    if (ours && this.wishes.microphone) this.onMutedByServer();
  }

  private onUnpublished(publication: LocalTrackPublication): void {
    if (publication.source === Track.Source.Microphone) this.drop("microphone");
    if (publication.source === Track.Source.Camera) this.drop("camera");
    if (publication.source === Track.Source.ScreenShare) publication.track?.stop();
    this.see();
    void this.arrange();
  }

  may(source: keyof typeof SOURCE_NUMBER): boolean {
    const permissions = this.room?.localParticipant.permissions;
    if (!permissions?.canPublish) return false;
    const sources = permissions.canPublishSources as number[];
    return sources.length === 0 || sources.includes(SOURCE_NUMBER[source]);
  }

  /** Bring what is published to what is wished and allowed. Calls while it works are folded into one more round. */
  private arrange(): Promise<void> {
    this.arrangeAgain = true;
    this.arranging ??= this.arrangeAll().finally(() => (this.arranging = null));
    return this.arranging;
  }

  private async arrangeAll(): Promise<void> {
    while (this.arrangeAgain) {
      this.arrangeAgain = false;
      if (!this.connected) return;
      // one that fails must not keep the other from being heard
      await this.arrangeMicrophone().catch(() => undefined);
      await this.arrangeCamera().catch(() => undefined);
      this.see();
    }
  }

  private async arrangeMicrophone(): Promise<void> {
    const device = this.tracks.microphone;
    if (!this.room || !this.may("microphone")) return;
    if (this.local.microphone && device !== this.sent.microphone) await this.withdraw("microphone");
    if (!this.local.microphone && device) {
      const track = new LocalAudioTrack(this.copy("microphone", device), undefined, true);
      if (!this.wishes.microphone) await track.mute();
      this.local.microphone = track;
      await this.publish(track, "microphone");
    }
    await put(this.local.microphone, this.wishes.microphone);
  }

  private async arrangeCamera(): Promise<void> {
    const device = this.tracks.camera;
    if (!this.room || !this.may("camera")) return;
    if (this.local.camera && device !== this.sent.camera) await this.withdraw("camera");
    if (!this.local.camera && device && this.wishes.camera) {
      const track = new LocalVideoTrack(this.copy("camera", device), undefined, true);
      this.local.camera = track;
      await this.publish(track, "camera");
    }
    await put(this.local.camera, this.wishes.camera);
  }

  /** A copy for each publication: Chromium names one track, sent twice, differently in its offer, and none knows it again. */
  private copy(kind: Kind, device: MediaStreamTrack): MediaStreamTrack {
    this.sent[kind] = device;
    return device.clone();
  }

  private async publish(track: LocalAudioTrack | LocalVideoTrack, kind: Kind): Promise<void> {
    try {
      await this.room?.localParticipant.publishTrack(track, { source: SOURCE[kind] });
    } catch (fault) {
      this.drop(kind);
      throw fault;
    }
  }

  private async withdraw(kind: Kind): Promise<void> {
    const track = this.local[kind];
    if (track) await this.room?.localParticipant.unpublishTrack(track);
    this.drop(kind);
  }

  /** The copy ends here; the device itself goes on. */
  private drop(kind: Kind): void {
    this.local[kind]?.stop();
    this.local[kind] = null;
  }

  private see(): void {
    const room = this.room;
    // while the link is broken the library takes participants away one by one; the page keeps its last picture of them
    if (room?.state !== ConnectionState.Connected) return;
    const known = new Map(this.peers.value.map((peer) => [peer.identity, peer]));
    const all: Participant[] = [room.localParticipant, ...room.remoteParticipants.values()];
    const now = Date.now();
    this.peers.value = all.filter((one) => one.identity).map((one) => peerOf(one, known.get(one.identity), now));
    const on = (source: Track.Source) => {
      const publication = room.localParticipant.getTrackPublication(source);
      return publication !== undefined && !publication.isMuted;
    };
    this.published.value = {
      microphone: on(Track.Source.Microphone),
      camera: on(Track.Source.Camera),
      screen: on(Track.Source.ScreenShare),
    };
  }
}

async function put(track: LocalAudioTrack | LocalVideoTrack | null, on: boolean): Promise<void> {
  if (!track || track.isMuted === !on) return;
  await (on ? track.unmute() : track.mute());
}
