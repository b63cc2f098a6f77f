/** A form out of a JSON Schema: the tools' parameters as the nodes publish them. */

import { t } from "../app/language.js";
import { html, useState } from "../app/view.js";
import { Choice, Field } from "./fields.js";

/**
 * Fields for every property; `onChange` gets the whole object, without what is left at its default.
 */
export function SchemaForm({ schema, value, onChange, prefix, errors = {} }) {
  const required = new Set(schema.required ?? []);
  const set = (name, one) => {
    const { [name]: _, ...rest } = value;
    onChange(one === undefined ? rest : { ...rest, [name]: one });
  };
  return html`<div class="stack">${Object.entries(schema.properties ?? {}).map(
    ([name, rule]) => html`<${Property} key=${name} id="${prefix}-${name}"
    name=${name} rule=${rule} value=${value[name]} isRequired=${required.has(name)}
      error=${errors[name]} onChange=${(one) => set(name, one)} />`,
  )}</div>`;
}

/** A rule without its "or null". */
function bare(rule) {
  const inner = rule.anyOf?.find((one) => one.type !== "null");
  return inner
    ? { ...inner, title: rule.title, description: rule.description, default: rule.default }
    : rule;
}

function Property({ id, name, rule, value, isRequired, error, onChange }) {
  const kind = bare(rule);
  const label = `${name.replaceAll("_", " ")}${isRequired ? " *" : ""}`;
  const shared = { id, name, label, hint: kind.description, error };
  if (kind.enum)
    return html`<${Choice} ...${shared} value=${value ?? kind.default ?? ""} onInput=${onChange}
    options=${[...(kind.default === undefined ? [["", "–"]] : []), ...kind.enum.map((one) => [one, String(one).replaceAll("_", " ")])]} />`;
  if (kind.type === "boolean")
    return html`<div class="field"><label for=${id}><input id=${id} type="checkbox"
      checked=${value ?? kind.default ?? false}
    onChange=${(event) => onChange(event.currentTarget.checked)} /> ${label}</label>
      ${kind.description && html`<span class="hint">${kind.description}</span>`}</div>`;
  if (kind.type === "number" || kind.type === "integer")
    return html`<${Field} ...${shared} type="number" value=${value ?? kind.default ?? ""}
    min=${kind.minimum ?? kind.exclusiveMinimum} max=${kind.maximum ?? kind.exclusiveMaximum}
      step=${kind.type === "integer" ? 1 : "any"}
    onInput=${(text) => onChange(text === "" ? undefined : Number(text))} />`;
  if (kind.type === "string")
    return html`<${Field} ...${shared} value=${value ?? kind.default ?? ""}
      maxlength=${kind.maxLength} onInput=${(text) => onChange(text === "" ? undefined : text)} />`;
  if (kind.prefixItems?.every((one) => one.type === "number" || one.type === "integer"))
    return html`<${Numbers} ...${shared} plain=${name.replaceAll("_", " ")}
      rules=${kind.prefixItems} value=${value ?? kind.default} onChange=${onChange} />`;
  return html`<${Json} ...${shared} value=${value ?? kind.default} onChange=${onChange} />`;
}

/** Some numbers beside each other, such as the bounds of a colour. */
function Numbers({ id, label, plain, hint, error, rules, value, onChange }) {
  const given = value ?? rules.map(() => "");
  const set = (index, text) => {
    const next = rules.map((_, place) =>
      place === index ? Number(text) : Number(given[place] || 0),
    );
    onChange(next);
  };
  return html`<div class="field" role="group" aria-labelledby="${id}-label"><span class="label"
    id="${id}-label">${label}</span>
    <div class="row tight nowrap-row">${rules.map(
      (
        rule,
        index,
      ) => html`<input key=${index} type="number" min=${rule.minimum} max=${rule.maximum}
        value=${given[index]}
      aria-label="${plain} ${index + 1}" aria-invalid=${Boolean(error)}
        onInput=${(event) => set(index, event.currentTarget.value)} />`,
    )}</div>
    ${hint && html`<span class="hint">${hint}</span>`}${error && html`<span class="wrong">${error}
      </span>`}</div>`;
}

/** A list or an object as JSON. */
function Json({ id, label, hint, error, value, onChange }) {
  const [text, setText] = useState(value === undefined ? "" : JSON.stringify(value));
  const [isBroken, setBroken] = useState(false);
  const change = (next) => {
    setText(next);
    try {
      onChange(next.trim() === "" ? undefined : JSON.parse(next));
      setBroken(false);
    } catch {
      setBroken(true);
    }
  };
  const wrong = isBroken ? t("This is no JSON yet.") : error;
  return html`<div class="field"><label for=${id}>${label}</label>
    <textarea id=${id} class="mono" rows="3" aria-invalid=${Boolean(wrong)}
      onInput=${(event) => change(event.currentTarget.value)}>${text}</textarea>
    ${hint && html`<span class="hint">${hint}</span>`}${wrong && html`<span class="wrong">${wrong}
      </span>`}</div>`;
}
