// Owns the loudspeaker's test by ear: the chime is played, the microphone listens whether its notes come back.
import { cameBack, type Heard, noteIn } from "../state/chime.ts";
import { chime, NOTE_S, NOTES } from "./chime.ts";
import { audioContext } from "./level.ts";

const WAKING_MS = 400;
const LISTEN_BEFORE_MS = 700;
const EVERY_MS = 30;
/** The browser takes its own sound out of a microphone's: to hear the hall as it is, that is switched off. */
const AS_IT_IS = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/** Plays the chime; true: the microphone heard it. False says nothing: there may be no microphone, or a headset. */
export async function chimeAndListen(microphone: MediaStreamTrack | null): Promise<boolean> {
  const ear = microphone ? await openEar(microphone).catch(() => null) : null;
  if (!ear) {
    await chime();
    return false;
  }
  try {
    await ear.loudest(WAKING_MS); // a microphone just opened is silent at first
    const before = await ear.loudest(LISTEN_BEFORE_MS);
    await chime();
    return cameBack(before.map((note) => note.level), await ear.loudest((NOTES.length + 1) * NOTE_S * 1000));
  } finally {
    ear.close();
  }
}

async function openEar(microphone: MediaStreamTrack) {
  const { deviceId } = microphone.getSettings();
  const audio = deviceId ? { ...AS_IT_IS, deviceId: { ideal: deviceId } } : AS_IT_IS;
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  const context = audioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  analyser.smoothingTimeConstant = 0;
  const source = context.createMediaStreamSource(stream);
  source.connect(analyser);
  return {
    loudest: (ms: number) => loudest(analyser, context.sampleRate, ms),
    close: () => {
      source.disconnect();
      for (const track of stream.getTracks()) track.stop();
    },
  };
}

/** Each note at its loudest within that time. */
async function loudest(analyser: AnalyserNode, rate: number, ms: number): Promise<Heard[]> {
  const bins = new Float32Array(analyser.frequencyBinCount);
  const most = NOTES.map((): Heard => ({ level: -Infinity, clear: 0, at: 0 }));
  for (const end = performance.now() + ms; performance.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    analyser.getFloatFrequencyData(bins);
    const at = performance.now();
    NOTES.forEach((hertz, index) => {
      const now = noteIn(bins, Math.round((hertz * analyser.fftSize) / rate));
      if (now.level > (most[index]?.level ?? 0)) most[index] = { ...now, at };
    });
  }
  return most;
}
