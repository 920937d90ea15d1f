// Owns what the page knows of one participant's media: pictures, microphone, loudness, quality.
import { ConnectionQuality, LocalParticipant, type Participant, Track, type VideoTrack } from "livekit-client";

export interface Peer {
  identity: string;
  name: string;
  isLocal: boolean;
  camera: VideoTrack | null;
  screen: VideoTrack | null;
  microphoneOn: boolean;
  level: number;
  speakingSince: number | null;
  weak: boolean;
  /** The relay holds its picture back, because our line is too thin for it. */
  paused: boolean;
}

export function peerOf(participant: Participant, before: Peer | undefined, now: number): Peer {
  const microphone = participant.getTrackPublication(Track.Source.Microphone);
  return {
    identity: participant.identity,
    name: participant.name ?? "",
    isLocal: participant instanceof LocalParticipant,
    camera: picture(participant, Track.Source.Camera),
    screen: picture(participant, Track.Source.ScreenShare),
    microphoneOn: microphone !== undefined && !microphone.isMuted,
    level: participant.isSpeaking ? participant.audioLevel : 0,
    speakingSince: participant.isSpeaking ? (before?.speakingSince ?? now) : null,
    paused: paused(participant),
    weak: participant.connectionQuality === ConnectionQuality.Poor || participant.connectionQuality === ConnectionQuality.Lost,
  };
}

function picture(participant: Participant, source: Track.Source): VideoTrack | null {
  const publication = participant.getTrackPublication(source);
  return publication && !publication.isMuted ? (publication.videoTrack ?? null) : null;
}

function paused(participant: Participant): boolean {
  return [...participant.videoTrackPublications.values()].some((one) => one.track?.streamState === Track.StreamState.Paused);
}
