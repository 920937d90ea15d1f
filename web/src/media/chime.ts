// Owns the chime: it tests the loudspeaker and goes before a spoken notice.
import { audioContext } from "./level.ts";

export const NOTES = [659.3, 523.3, 587.3]; // e, c, d: like a hall's gong
export const NOTE_S = 0.45;
/** A browser that waits for a press, or has no sound card, never wakes: nobody waits for it longer than this. */
const WAKING_MS = 500;
/** Until the last note has faded. */
export const CHIME_MS = NOTES.length * NOTE_S * 1000 + 400;

export async function chime(volume = 0.35): Promise<void> {
  const context = audioContext();
  await Promise.race([context.resume().catch(() => undefined), new Promise((resolve) => setTimeout(resolve, WAKING_MS))]);
  NOTES.forEach((frequency, index) => {
    const at = context.currentTime + 0.05 + index * NOTE_S;
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.frequency.value = frequency;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(volume, at + 0.03);
    gain.gain.exponentialRampToValueAtTime(0.001, at + NOTE_S * 1.8);
    tone.connect(gain).connect(context.destination);
    tone.start(at);
    tone.stop(at + NOTE_S * 2);
  });
}
