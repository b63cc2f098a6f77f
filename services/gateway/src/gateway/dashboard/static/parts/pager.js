/** Page by page through a list of the API. */

import { number } from "../app/format.js";
import { t } from "../app/language.js";
import { html } from "../app/view.js";

/** Previous and next, and how many there are. */
export function Pager({ page, count, size, onPage }) {
  const pages = Math.max(1, Math.ceil(count / size));
  return html`<nav class="pager" aria-label=${t("Pages")}>
    <span>${t("{count} in all", { count: number(count) })}</span>
    <button class="button small" disabled=${page <= 1} onClick=${() => onPage(page - 1)}>
      ${t("Previous")}</button>
    <span>${t("{page} of {pages}", { page, pages })}</span>
    <button class="button small" disabled=${page >= pages} onClick=${() => onPage(page + 1)}>
      ${t("Next")}</button>
  </nav>`;
}
