// Owns the sounds the page makes itself: a chime to test the loudspeaker, and the spoken notice that recording begins.
import { audioContext } from "./level.ts";

const NOTES = [659.3, 523.3, 587.3]; // e, c, d: like a hall's gong
const NOTE_S = 0.45;

export async function chime(volume = 0.35): Promise<void> {
  const context = audioContext();
  await context.resume().catch(() => undefined);
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

/** Speaks only with a voice that lives on this machine: no word of a meeting goes to anybody's server. */
export function speak(sentence: string, locale: string): void {
  const synthesis = globalThis.speechSynthesis;
  const voice = synthesis?.getVoices().find((one) => one.localService && one.lang.toLowerCase().startsWith(locale));
  if (!voice) return;
  const words = new SpeechSynthesisUtterance(sentence);
  words.voice = voice;
  words.lang = voice.lang;
  synthesis.speak(words);
}

export async function announceAloud(sentence: string, locale: string): Promise<void> {
  await chime();
  setTimeout(() => speak(sentence, locale), NOTES.length * NOTE_S * 1000 + 400);
}
