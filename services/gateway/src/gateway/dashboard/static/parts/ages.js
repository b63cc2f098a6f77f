/** Ages that grow by the second. */

import { now } from "../app/clock.js";
import { dateTime, duration } from "../app/format.js";
import { t } from "../app/language.js";
import { html } from "../app/view.js";

/** How long ago a moment was; the moment itself in its title. */
export function Ago({ at }) {
  if (!at) return html`<span class="muted">${t("never")}</span>`;
  const seconds = (now.value - new Date(at).getTime()) / 1000;
  return html`<time datetime=${new Date(at).toISOString()} title=${dateTime(at)}>
    ${t("{age} ago", { age: duration(seconds) })}</time>`;
}

/** A length of time that began at a moment. */
export function Since({ at }) {
  return html`<span>${duration((now.value - new Date(at).getTime()) / 1000)}</span>`;
}
