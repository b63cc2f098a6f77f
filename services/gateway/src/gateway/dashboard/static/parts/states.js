/** What stands where there is nothing yet, nothing at all, or an error. */

import { t } from "../app/language.js";
import { html } from "../app/view.js";
import { Icon } from "./icons.js";

/** Something is on its way. */
export function Loading() {
  return html`<div class="loading" role="status">${t("Loading…")}</div>`;
}

/** There is nothing to show; `children` say what to do about it. */
export function Empty({ icon = "search", text, children }) {
  return html`<div class="empty"><${Icon} name=${icon} /><p>${text}</p>${children}</div>`;
}

/** It did not work, and why. */
export function Wrong({ error }) {
  const text =
    error.status === 403
      ? t("You may not see this.")
      : error.status === 503 || error.status === 502
        ? t("This service does not answer right now.")
        : t(error.message);
  return html`<p class="note ${error.status === 403 ? "warn" : "bad"}" role="alert"><${Icon}
    name="alert" />${text}</p>`;
}

/** What a resource has: its error, the wait for it, or `children` once there is data. */
export function Loaded({ of, children }) {
  if (of.data !== null && of.data !== undefined) return children(of.data);
  if (of.error) return html`<${Wrong} error=${of.error} />`;
  return html`<${Loading} />`;
}

/** Marks what it holds as stale while it is not live. */
export function Fresh({ live, children }) {
  return html`<div class=${live ? "" : "is-stale"}
    data-stale=${live ? undefined : t("Stale: no live connection")}>${children}</div>`;
}
