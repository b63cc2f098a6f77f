/** Labelled inputs. */

import { html } from "../app/view.js";

let count = 0;

/**
 * An id for a new field.
 * @returns {string}
 */
export function freshId() {
  return `field-${++count}`;
}

/** A text, number, password or date input with its label, hint and error. */
export function Field({
  label,
  hint,
  error,
  name,
  value,
  onInput,
  type = "text",
  required = false,
  id = `f-${name}`,
  ...rest
}) {
  const described =
    [hint && `${id}-hint`, error && `${id}-wrong`].filter(Boolean).join(" ") || undefined;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <input id=${id} name=${name} type=${type} value=${value} required=${required}
      aria-invalid=${Boolean(error)}
      aria-describedby=${described} onInput=${(event) => onInput?.(event.currentTarget.value)}
        ...${rest} />
    ${hint && html`<span class="hint" id="${id}-hint">${hint}</span>`}
    ${error && html`<span class="wrong" id="${id}-wrong">${error}</span>`}
  </div>`;
}

/** A choice; `options` are pairs of value and text. */
export function Choice({ label, name, value, options, onInput, hint, id = `f-${name}`, ...rest }) {
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} name=${name} value=${value}
      onChange=${(event) => onInput(event.currentTarget.value)} ...${rest}>
      ${options.map(([option, text]) => html`<option value=${option} selected=${option === value}>
        ${text}</option>`)}
    </select>
    ${hint && html`<span class="hint">${hint}</span>`}
  </div>`;
}
