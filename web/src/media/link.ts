// Owns the media connection of this page: one LiveKit room at a time, who is seen and heard, and how it was lost.
// Whoever uses it says what should be sent; it brings the room there as far as the server allows, again and again.
import { signal } from "@preact/signals";
import {
  ConnectionState, DisconnectReason, type Participant, type RemoteTrack, type RemoteTrackPublication, Room, RoomEvent,
  type RoomOptions, Track, type TrackPublication, VideoPresets,
} from "livekit-client";
import { reasonOf } from "./busy.ts";
import { type Peer, peerOf } from "./peer.ts";
import { Publisher, type Sending } from "./publisher.ts";
import { Sounds } from "./sounds.ts";

export type Lost = "elsewhere" | "sent out" | "lost";

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
    red: true,
  },
};
const CONNECTING = { autoSubscribe: true, maxRetries: 0, websocketTimeout: 5_000, peerConnectionTimeout: 10_000 };
const NOTHING = { microphone: false, camera: false, screen: false };
/** What changes the picture that the page has of the room. */
const SEEN = [
  RoomEvent.ParticipantConnected, RoomEvent.ParticipantDisconnected, RoomEvent.TrackUnpublished, RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted, RoomEvent.LocalTrackPublished, RoomEvent.ActiveSpeakersChanged, RoomEvent.ParticipantNameChanged,
  RoomEvent.TrackStreamStateChanged, RoomEvent.ConnectionQualityChanged,
] as const;

export class MediaLink {
  readonly peers = signal<Peer[]>([]);
  readonly published = signal(NOTHING);
  readonly mayPlay = signal(true);
  readonly shaky = signal(false);
  onLost: (why: Lost) => void = () => undefined;
  /** The server muted us: the page's wish changes with it. */
  onMutedByServer: () => void = () => undefined;

  private room: Room | null = null;
  private publisher: Publisher | null = null;
  private readonly sounds = new Sounds();
  private sending: Sending = { devices: { microphone: null, camera: null }, wishes: { microphone: false, camera: false } };
  private soundOnly = false;

  async connect(url: string, token: string): Promise<void> {
    await this.close();
    const room = new Room(OPTIONS);
    this.room = room;
    this.publisher = new Publisher(room, this.sending, () => this.see());
    this.listen(room, this.publisher);
    try {
      await room.connect(url, token, CONNECTING);
    } catch (fault) {
      await this.close();
      throw await reasonOf(fault, url, token);
    }
    this.shaky.value = false;
    this.mayPlay.value = room.canPlaybackAudio;
    if (this.soundOnly) this.fetchPictures(false);
    this.see();
    this.publisher?.arrange();
  }

  async close(): Promise<void> {
    const room = this.room;
    if (!room) return;
    this.room = null;
    room.removeAllListeners();
    this.publisher?.close();
    this.publisher = null;
    this.sounds.stopAll();
    this.published.value = NOTHING;
    await room.disconnect(false);
  }

  /** The pictures stay as they were when the link broke; only a real end clears them. */
  forget(): void {
    this.peers.value = [];
  }

  send(sending: Sending): void {
    this.sending = sending;
    this.publisher?.set(sending);
  }

  setVolume(volume: number): void {
    this.sounds.setVolume(volume);
  }

  setSpeaker(id: string): void {
    this.sounds.setSpeaker(id);
  }

  setSoundOnly(on: boolean): void {
    if (this.soundOnly === on) return;
    this.soundOnly = on;
    this.fetchPictures(!on);
  }

  private fetchPictures(on: boolean): void {
    this.room?.remoteParticipants.forEach((participant) =>
      participant.videoTrackPublications.forEach((publication) => publication.setSubscribed(on)),
    );
    this.see();
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

  private listen(room: Room, publisher: Publisher): void {
    for (const event of SEEN) room.on(event, () => this.see());
    room
      .on(RoomEvent.TrackPublished, (publication) => this.onPublished(publication))
      .on(RoomEvent.TrackSubscribed, (track, publication, participant) => this.onSubscribed(track, publication, participant.identity))
      .on(RoomEvent.TrackUnsubscribed, (track, publication) => this.onUnsubscribed(track, publication))
      .on(RoomEvent.TrackMuted, (publication, participant) => this.onMuted(room, publication, participant))
      .on(RoomEvent.LocalTrackUnpublished, (publication) => (publisher.onUnpublished(publication), this.see()))
      .on(RoomEvent.ParticipantPermissionsChanged, (_, participant) => participant === room.localParticipant && publisher.arrange())
      .on(RoomEvent.AudioPlaybackStatusChanged, () => (this.mayPlay.value = room.canPlaybackAudio))
      .on(RoomEvent.SignalReconnecting, () => (this.shaky.value = true))
      .on(RoomEvent.Reconnecting, () => (this.shaky.value = true))
      .on(RoomEvent.Reconnected, () => this.onReconnected(publisher))
      .on(RoomEvent.Disconnected, (reason) => this.onDisconnected(room, reason));
  }

  private onReconnected(publisher: Publisher): void {
    this.shaky.value = false;
    this.see();
    publisher.arrange();
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
    if (track.kind === Track.Kind.Audio) this.sounds.play(publication.trackSid, identity, track);
    this.see();
  }

  private onUnsubscribed(track: RemoteTrack, publication: RemoteTrackPublication): void {
    track.detach();
    this.sounds.stop(publication.trackSid);
    this.see();
  }

  private onMuted(room: Room, publication: TrackPublication, participant: Participant): void {
    const ours = participant === room.localParticipant && publication.source === Track.Source.Microphone;
    if (ours && this.sending.wishes.microphone) this.onMutedByServer();
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
