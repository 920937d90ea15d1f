// Owns the measuring of loudness. It listens to a copy of the track, so that muting the track does not stop the needle.
let shared: AudioContext | null = null;

/** One for the page; browsers start it silent until somebody has touched the page. */
export function audioContext(): AudioContext {
  if (!shared) {
    shared = new AudioContext();
    const wake = () => void shared?.resume().catch(() => undefined);
    for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, wake, { capture: true });
  }
  if (shared.state === "suspended") void shared.resume().catch(() => undefined);
  return shared;
}

const EVERY_MS = 90;
const FLOOR_DB = -58;

export class LevelMeter {
  private readonly copy: MediaStreamTrack;
  private readonly source: MediaStreamAudioSourceNode;
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(track: MediaStreamTrack, tell: (level: number) => void) {
    const context = audioContext();
    this.copy = track.clone();
    this.source = context.createMediaStreamSource(new MediaStream([this.copy]));
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    this.source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let shown = 0;
    this.timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      shown = Math.max(loudness(samples), shown * 0.8);
      tell(shown < 0.02 ? 0 : shown);
    }, EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.source.disconnect();
    this.copy.stop();
  }
}

/** 0 at −58 dB and below, 1 at full scale: what an eye expects of a needle. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibel = 10 * Math.log10(sum / samples.length + 1e-12);
  return Math.min(1, Math.max(0, 1 - decibel / FLOOR_DB));
}
