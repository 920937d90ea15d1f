// Starts the room page: one session, drawn into #app; the meeting is dark, the waiting room follows the daylight.
import { effect } from "@preact/signals";
import { render } from "preact";
import { readPageData } from "../page_data.ts";
import { Session } from "../session.ts";
import { speakIn } from "../words.ts";
import { RoomApp } from "./app.tsx";
import { bindKeys } from "./keys.ts";

const page = readPageData();
speakIn(page.locale);
const session = new Session(page);
const root = document.documentElement;
const daylight = root.dataset["theme"];

effect(() => {
  const phase = session.phase.value;
  if (phase === "in" || phase === "lost") root.dataset["theme"] = "dark";
  else if (daylight) root.dataset["theme"] = daylight;
  else delete root.dataset["theme"];
});

const app = document.getElementById("app");
if (app) {
  app.replaceChildren();
  render(<RoomApp session={session} />, app);
}
bindKeys(session);
session.start();
