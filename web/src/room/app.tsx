// Owns which of the room page's pictures is shown; the root's data-state says it for styles and tests.
import type { Session } from "../session.ts";
import { KeyHelp } from "./keyhelp.tsx";
import { Meeting } from "./meeting.tsx";
import { Outside } from "./outside.tsx";
import { Waiting } from "./waiting.tsx";

export function RoomApp({ session }: { session: Session }) {
  const phase = session.phase.value;
  return (
    <>
      {phase === "in" || phase === "lost" ? (
        <Meeting session={session} />
      ) : phase === "ended" || phase === "removed" || phase === "revoked" || phase === "elsewhere" ? (
        <Outside session={session} />
      ) : (
        <Waiting session={session} />
      )}
      <KeyHelp />
    </>
  );
}
