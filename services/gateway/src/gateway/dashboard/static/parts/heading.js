/** The head of a page: where we are, what it is called, what can be done. */

import { t } from "../app/language.js";
import { html, useEffect } from "../app/view.js";

/** Title, optional way back, optional actions. */
export function Heading({ title, back, sub, children }) {
  useEffect(() => {
    document.title = `${title} · Gemba`;
  }, [title]);
  return html`<header class="page-head">
    ${back && html`<nav class="crumbs" aria-label=${t("Way back")}><a href=${back[0]}>← ${back[1]}
      </a></nav>`}
    <h1>${title}</h1>${sub && html`<span class="sub">${sub}</span>`}
    <div class="actions">${children}</div>
  </header>`;
}

/** Tabs of a section as links; `at` is the present one. */
export function Tabs({ at, tabs }) {
  return html`<nav class="tabs" aria-label=${t("Section")}>
    ${tabs.map(([name, text, href]) => html`<a href=${href}
      aria-current=${name === at ? "page" : undefined}>${text}</a>`)}
  </nav>`;
}
