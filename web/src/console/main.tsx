// Starts the console: the same session as a room's page, drawn for who conducts the meeting.
import { render } from "preact";
import { readPageData } from "../page_data.ts";
import { Session } from "../session.ts";
import { speakIn } from "../words.ts";
import { Console } from "./console.tsx";
import { bindKeys } from "./keys.ts";

const page = readPageData();
speakIn(page.locale);
const session = new Session(page);
const app = document.getElementById("app");
if (app) {
  app.replaceChildren();
  render(<Console session={session} />, app);
}
bindKeys();
session.start();
