// Light or dark: as the system says, until the reader says otherwise.

import { byId, say } from "./dom.js";

const KEPT = "fleetline-theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");

export const theme = () => document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");

/** Set up the switch; `changed` is called whenever colours change. */
export function watch(changed) {
  const button = byId("theme");
  const show = () => {
    const next = theme() === "dark" ? "light" : "dark";
    button.setAttribute("aria-pressed", String(theme() === "dark"));
    say(button, "Dark");
    button.title = `Show the page in ${next}`;
  };
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
    remember(theme());
    show();
    changed();
  });
  system.addEventListener("change", () => {
    show();
    changed();
  });
  show();
}

/** For early.js. A browser may refuse storage; the theme is then as lasting as the page. */
function remember(name) {
  try {
    localStorage.setItem(KEPT, name);
  } catch {
    // nothing to keep it in
  }
}
