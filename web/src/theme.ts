// Owns the choice between light, dark and the system's wish: an attribute on the root, kept in a cookie that the server
// reads, so that no page flashes in the wrong colours.
export type Theme = "light" | "dark" | "";

export function chooseTheme(theme: Theme): void {
  const age = theme ? 365 * 86_400 : 0;
  document.cookie = `theme=${theme}; path=/; max-age=${age}; samesite=lax`;
  if (theme) document.documentElement.dataset["theme"] = theme;
  else delete document.documentElement.dataset["theme"];
  press(theme);
}

function press(theme: string): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-theme-choice] button")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
}

export function offerThemes(choose: (theme: Theme) => void): void {
  for (const choice of document.querySelectorAll<HTMLElement>("[data-theme-choice]")) {
    choice.hidden = false;
    for (const button of choice.querySelectorAll("button")) {
      button.addEventListener("click", () => choose(button.value as Theme));
    }
  }
  press(document.documentElement.dataset["theme"] ?? "");
}
