// Owns the question before an act that cannot be undone; it names what is lost.
import type { Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../words.ts";

export interface Question {
  title: string;
  loses: string[];
  yes: string;
  act: string;
  do: () => void;
}

export function Confirm({ question }: { question: Signal<Question | null> }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const asked = question.value;
  useEffect(() => {
    if (asked) dialog.current?.showModal();
    else dialog.current?.close();
  }, [asked]);
  const answer = (yes: boolean) => {
    question.value = null;
    if (yes) asked?.do();
  };
  return (
    <dialog ref={dialog} class="dlg" aria-labelledby="question" onClose={() => (question.value = null)}>
      <h2 id="question">{asked?.title}</h2>
      <ul>{asked?.loses.map((loss) => <li key={loss}>{loss}</li>)}</ul>
      <div class="acts">
        <button class="btn btn-live" type="button" data-act={asked?.act} onClick={() => answer(true)}>{asked?.yes}</button>
        <button class="btn" type="button" onClick={() => answer(false)}>{t("Giữ nguyên")}</button>
      </div>
    </dialog>
  );
}
