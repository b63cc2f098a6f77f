/** Where the user is: the address's hash, as segments and a query. */

import { signal } from "./view.js";

function read() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const segments = path.split("/").filter(Boolean).map(decodeURIComponent);
  return { segments, query: new URLSearchParams(query) };
}

/** The present place. */
export const place = signal(read());

addEventListener("hashchange", () => {
  place.value = read();
  document.getElementById("main")?.focus({ preventScroll: true });
  scrollTo(0, 0);
});

/**
 * Go to a place, such as `/vision/machines`.
 * @param {string} path
 */
export function go(path) {
  location.hash = path;
}

/**
 * Write filters into the address without a step in the history.
 * @param {Record<string, string | null | undefined>} changes
 */
export function amend(changes) {
  const { segments, query } = place.value;
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  const path = segments.map(encodeURIComponent).join("/");
  history.replaceState(null, "", `#/${path}${text ? `?${text}` : ""}`);
  place.value = read();
}
