// Owns the lines that tell how far a composed picture is; when it is ready a link offers it, and nobody is interrupted.
async function follow(line: HTMLElement): Promise<void> {
  const part = (name: string) => line.querySelector<HTMLElement>(`[data-${name}]`);
  const show = (name: string) => {
    part("going")?.setAttribute("hidden", "");
    part(name)?.removeAttribute("hidden");
  };
  const progress = part("progress");
  while (progress) {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const answer = await fetch(`/api/recordings/${line.dataset["composing"]}`, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) continue;
    const { composed } = (await answer.json()) as { composed: { state: string; progress: number } };
    progress.textContent = `${Math.round(composed.progress * 100)}%`;
    if (composed.state === "failed") return show("failed");
    if (composed.state === "done") return show("composed");
  }
}

export function followComposing(): void {
  for (const line of document.querySelectorAll<HTMLElement>("[data-composing]")) void follow(line);
}
