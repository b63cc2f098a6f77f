/** Light or dark: the system's wish unless the user has one. */

import { signal } from "./view.js";

const KEPT_AS = "gemba.theme";

/** `auto`, `light` or `dark`. */
export const theme = signal(localStorage.getItem(KEPT_AS) ?? "auto");

/**
 * Choose a theme, for this visit and the next ones.
 * @param {string} name
 */
export function wear(name) {
  theme.value = name;
  localStorage.setItem(KEPT_AS, name);
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
}
