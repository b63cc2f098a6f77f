/** A line to copy into a terminal or another program. */

import { t } from "../app/language.js";
import { tell } from "../app/toasts.js";
import { html } from "../app/view.js";
import { Icon } from "./icons.js";

/** Text with a button that copies it. */
export function CodeLine({ label, text }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      tell(t("Copied."));
    } catch {
      tell(t("The browser refused; select the text and copy it."), "bad");
    }
  };
  return html`<div class="field">
    ${label && html`<span class="label">${label}</span>`}
    <div class="code-line"><pre tabindex="0">${text}</pre>
      <button class="button" onClick=${copy} aria-label=${t("Copy")}><${Icon} name="copy" />
        </button></div>
  </div>`;
}
