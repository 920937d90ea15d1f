// Owns the spoken notice that a meeting is recorded: a chime, then a file of ours, because few machines of a hall have a
// Vietnamese voice, and no word of a meeting goes to anybody's server.
import { chime, CHIME_MS } from "./chime.ts";
import english from "./spoken/recording-en.mp3";
import vietnamese from "./spoken/recording-vi.mp3";

const SPOKEN = { vi: vietnamese, en: english };

export async function speakOfRecording(locale: "vi" | "en", volume: number): Promise<void> {
  const voice = new Audio(new URL(SPOKEN[locale], import.meta.url).href);
  voice.volume = volume;
  voice.dataset["spoken"] = "recording";
  voice.hidden = true;
  voice.onended = () => voice.remove();
  document.body.append(voice);
  await chime(0.35 * volume);
  setTimeout(() => void voice.play().catch(() => voice.remove()), CHIME_MS); // refused until somebody has touched the page
}
