/** A rule of a device, new or changed: its kind decides what is asked. */

import { api } from "../../app/api.js";
import { t } from "../../app/language.js";
import { tell } from "../../app/toasts.js";
import { html, useState } from "../../app/view.js";
import { Dialog } from "../../parts/dialogs.js";
import { Choice, Field } from "../../parts/fields.js";

const SEVERITIES = ["info", "warning", "critical"];
const FRESH = {
  kind: "threshold",
  metric: "",
  above: null,
  below: null,
  per_minute: null,
  hysteresis: 0,
  duration_seconds: 0,
  intervals: 3,
  at_least_seconds: 60,
};
const ASKED = {
  threshold: ["metric", "above", "below", "hysteresis", "duration_seconds"],
  rate: ["metric", "per_minute", "hysteresis", "duration_seconds"],
  silence: ["intervals", "at_least_seconds"],
};

/** The dialog; a `rule` without an id is a new one. */
export function RuleForm({ path, rule, metrics, onDone, onCancel }) {
  const [draft, setDraft] = useState({ ...FRESH, metric: metrics[0] ?? "", ...rule.parameters });
  const [severity, setSeverity] = useState(rule.severity ?? "warning");
  const [isEnabled, setEnabled] = useState(rule.enabled ?? true);
  const [error, setError] = useState("");
  const set = (name) => (value) => setDraft((old) => ({ ...old, [name]: value }));
  const submit = async (event) => {
    event.preventDefault();
    const body = { parameters: parametersOf(draft), severity, enabled: isEnabled };
    try {
      if (rule.id) await api(`${path}${rule.id}/`, { method: "PUT", body });
      else await api(path, { method: "POST", body });
      tell(t("Saved."));
      onDone();
    } catch (refused) {
      setError(t(refused.message));
    }
  };
  const kinds = [
    ["threshold", t("A value beyond a limit")],
    ["rate", t("A value that changes too fast")],
    ["silence", t("A device that is silent")],
  ];
  return html`<${Dialog} title=${rule.id ? t("Change the rule") : t("Add a rule")}
    onClose=${onCancel}><form class="stack" onSubmit=${submit}>
    <${Choice} label=${t("What is watched")} name="rule-kind" value=${draft.kind} options=${kinds}
      onInput=${set("kind")} />
    ${draft.kind === "silence" ? html`<${Silence} draft=${draft} set=${set} />` : html`<${Values}
      draft=${draft} set=${set} metrics=${metrics} />`}
    <${Choice} label=${t("Severity")} name="rule-severity" value=${severity}
      options=${SEVERITIES.map((one) => [one, t(one)])} onInput=${setSeverity} />
    <label class="row tight"><input type="checkbox" checked=${isEnabled}
      onChange=${(event) => setEnabled(event.currentTarget.checked)} />${t("The rule is in force")}
        </label>
    ${error && html`<p class="note bad" role="alert">${error}</p>`}
    <div class="row end"><button type="button" class="button" onClick=${onCancel}>${t("Cancel")}
      </button><button class="button main">${t("Save")}</button></div></form><//>`;
}

function Values({ draft, set, metrics }) {
  const number = (label, name, more) => html`<${Field} label=${label} name=${name} type="number"
    step="any" value=${draft[name] ?? ""} onInput=${set(name)} ...${more} />`;
  return html`<${Field} label=${t("Metric")} name="rule-metric" value=${draft.metric}
      onInput=${set("metric")} list="rule-metrics" required />
    <datalist id="rule-metrics">${metrics.map((one) => html`<option key=${one} value=${one} />`)}
      </datalist>
    <div class="row nowrap-row">${
      draft.kind === "rate"
        ? number(t("More than so much a minute"), "per_minute", { required: true, min: 0 })
        : [number(t("Above"), "above"), number(t("Below"), "below")]
    }</div>
    <div class="row nowrap-row">${[
      number(t("For at least (seconds)"), "duration_seconds", { min: 0 }),
      number(t("Over once it is back by"), "hysteresis", { min: 0 }),
    ]}</div>`;
}

function Silence({ draft, set }) {
  return html`<div class="row nowrap-row"><${Field} label=${t("Silent for so many intervals")}
      name="intervals" type="number" step="any" min="1" value=${draft.intervals}
        onInput=${set("intervals")} required />
    <${Field} label=${t("For at least (seconds)")} name="at_least_seconds" type="number" step="any"
      min="1" value=${draft.at_least_seconds} onInput=${set("at_least_seconds")} required /></div>
    <p class="muted small">${t("A device's interval is learned from its own readings.")}</p>`;
}

function parametersOf(draft) {
  const asked = ASKED[draft.kind].map((name) => [name, draft[name]]);
  return Object.fromEntries([
    ["kind", draft.kind],
    ...asked.map(([name, value]) => [name, name === "metric" ? value : numeric(value, name)]),
  ]);
}

function numeric(text, name) {
  return text === "" || text === null ? FRESH[name] : Number(text);
}
