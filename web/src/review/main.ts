// Owns the review page beside its player: the part, the speaker and the paragraph of the moment, and the verdict on files.
import { followComposing } from "./composing.ts";
import { seekByLinks, takePlayer } from "./player.ts";
import { markAt } from "./timeline.ts";

const all = <E extends Element>(selector: string): E[] => [...document.querySelectorAll<E>(selector)];

const chapters = all<HTMLElement>("[data-chapter]");
const chapterTimes = chapters.map((element) => Number(element.dataset["chapter"]));
const parts = all<SVGRectElement>("[data-part]");
const paragraphs = all<HTMLElement>("[data-at]");
const paragraphTimes = paragraphs.map((element) => Number(element.dataset["at"]));
const bars = all<SVGRectElement>("[data-from]");
const lanes = document.querySelector<HTMLElement>("[data-lanes]");
const line = document.querySelector<HTMLElement>("[data-now]");
let paragraph = -1;

const player = takePlayer((ms) => {
  mark(chapters, markAt(chapterTimes, ms));
  parts.forEach((part, index) => part.classList.toggle("was", index <= markAt(chapterTimes, ms)));
  for (const bar of bars) {
    const speaking = Number(bar.dataset["from"]) <= ms && ms < Number(bar.dataset["to"]);
    bar.classList.toggle("cur", speaking);
    if (speaking) bar.closest(".lane")?.classList.add("on");
  }
  for (const lane of all(".lane.on")) if (!lane.querySelector(".cur")) lane.classList.remove("on");
  if (lanes && line && player) {
    lanes.style.setProperty("--at", String(ms / Math.max(1, player.playback.length_ms)));
    line.hidden = false;
  }
  const current = markAt(paragraphTimes, ms);
  if (current !== paragraph) follow(current);
});

function mark(elements: readonly Element[], current: number): void {
  elements.forEach((element, index) => element.classList.toggle("now", index === current));
}

/** The paragraph that is being heard, brought into sight inside its own box and never by moving the page. */
function follow(current: number): void {
  paragraph = current;
  mark(paragraphs, current);
  const [element, box] = [paragraphs[current], document.querySelector<HTMLElement>("[data-minutes]")];
  if (!element || !box || box.scrollHeight <= box.clientHeight) return;
  const top = element.offsetTop - box.offsetTop;
  if (top < box.scrollTop || top + element.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = top - 40;
}

if (player) seekByLinks(player);

/** While the files are being read the page asks again, and shows the server's own words when the answer is there. */
async function awaitVerdict(): Promise<void> {
  const box = document.querySelector<HTMLElement>('[data-whole][data-state="reading"]');
  const meeting = location.pathname.split("/")[2];
  if (!box || !meeting) return;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const answer = await fetch(`/api/meetings/${meeting}/integrity`, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok || ((await answer.json()) as { state: string }).state === "reading") continue;
    const page = await fetch(location.href).catch(() => null);
    if (!page?.ok) continue;
    const fresh = new DOMParser().parseFromString(await page.text(), "text/html").querySelector("[data-whole]");
    if (fresh) box.replaceWith(fresh);
    return;
  }
}

void awaitVerdict();

followComposing();
