/** Dialogs: the browser's own, so that focus and Escape behave as everywhere. */

import { t } from "../app/language.js";
import { html, signal, useEffect, useRef } from "../app/view.js";
import { Icon } from "./icons.js";

/** A modal dialog while it is shown; `onClose` is called by Escape too. */
export function Dialog({ title, onClose, isBroad = false, children }) {
  const element = useRef(/** @type {any} */ (null));
  useEffect(() => {
    const dialog = element.current;
    if (!dialog.open) dialog.showModal();
    return () => dialog.close();
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${element} class=${isBroad ? "broad" : ""} onCancel=${cancel}
    aria-labelledby="dialog-title">
    <div class="stack">
      <div class="row spread"><h2 id="dialog-title">${title}</h2>
        <button class="button plain small" onClick=${onClose} aria-label=${t("Close")}><${Icon}
          name="close" /></button></div>
      ${children}
    </div></dialog>`;
}

const question = signal(/** @type {any} */ (null));

/**
 * Ask before something is done that cannot be taken back.
 * @param {{title: string, text: string, action: string, isDangerous?: boolean}} asked
 * @returns {Promise<boolean>}
 */
export function confirmed(asked) {
  return new Promise((resolve) => (question.value = { ...asked, resolve }));
}

/** Where questions appear; once in the frame. */
export function Questions() {
  const asked = question.value;
  if (!asked) return null;
  const answer = (yes) => {
    question.value = null;
    asked.resolve(yes);
  };
  return html`<${Dialog} title=${asked.title} onClose=${() => answer(false)}>
    <p>${asked.text}</p>
    <div class="row end">
      <button class="button" onClick=${() => answer(false)}>${t("Keep as it is")}</button>
      <button class="button ${asked.isDangerous ? "danger" : "main"}" autofocus
        onClick=${() => answer(true)}>${asked.action}</button>
    </div><//>`;
}
