// Owns the player: one video element that shows whichever file holds the moment asked for.
import { type Clip, type Playback, clipAt, clock, nextClip } from "./timeline.ts";

export interface Player {
  readonly playback: Playback;
  seek(ms: number): void;
  toggle(): void;
  now(): number;
}

/** Takes over the player on the page; null when nothing was recorded. `onTime` hears of every step of the time line. */
export function takePlayer(onTime: (ms: number) => void): Player | null {
  const block = document.getElementById("playback")?.textContent;
  const screen = document.querySelector<HTMLVideoElement>("[data-screen]");
  if (!block || !screen) return null;
  const playback = JSON.parse(block) as Playback;
  const time = document.querySelector<HTMLElement>("[data-time]");
  const cannot = document.querySelector<HTMLElement>("[data-cannot]");
  const choice = document.querySelector<HTMLSelectElement>("[data-clips]");
  let chosen = playback.clips[playback.first];
  if (!chosen) return null;
  let playing: Clip = chosen;

  const now = () => playing.start_ms + screen.currentTime * 1000;
  const show = (clip: Clip, ms: number, play: boolean) => {
    const place = Math.max(0, ms - clip.start_ms) / 1000;
    if (clip === playing && screen.readyState > 0) {
      screen.currentTime = place;
    } else {
      // nothing is fetched before somebody plays: the log says of what is fetched that it was viewed
      playing = clip;
      screen.toggleAttribute("data-sound", clip.kind === "audio");
      screen.src = `${clip.url}#t=${place.toFixed(2)}`;
    }
    if (play) void screen.play().catch(() => undefined); // a browser may want one more press: the controls are there
  };
  const tell = () => {
    if (time) time.textContent = `${clock(now())} / ${clock(playback.length_ms)}`;
    onTime(now());
  };

  const seek = (ms: number) => {
    const clip = clipAt(playback.clips, chosen ?? playing, ms);
    if (clip) show(clip, ms, true);
  };
  // a camera's own H.264 is played only where the system brings a decoder
  screen.addEventListener("error", () => cannot && (cannot.hidden = false));
  screen.addEventListener("loadedmetadata", () => cannot && (cannot.hidden = true));
  screen.addEventListener("timeupdate", tell);
  screen.addEventListener("seeked", tell);
  screen.addEventListener("loadedmetadata", tell);
  screen.addEventListener("ended", () => {
    const next = nextClip(playback.clips, playing);
    if (next) show(next, next.start_ms, true);
  });
  choice?.addEventListener("change", () => {
    const ms = now();
    const wanted = playback.clips[Number(choice.value)];
    if (!wanted) return;
    chosen = wanted;
    const clip = clipAt(playback.clips, wanted, ms) ?? wanted;
    show(clip, Math.max(ms, clip.start_ms), !screen.paused);
  });
  const toggle = () => void (screen.paused ? screen.play().catch(() => undefined) : screen.pause());
  return { playback, seek, toggle, now };
}

/** A press on anything that carries `data-seek` plays that moment; without a script the link opens the file there. */
export function seekByLinks(player: Player): void {
  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || !(event.target instanceof Element)) return;
    const link = event.target.closest<HTMLElement>("[data-seek]");
    if (!link) return;
    event.preventDefault();
    player.seek(Number(link.dataset["seek"]));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "F8") return;
    event.preventDefault();
    player.toggle();
  });
}
