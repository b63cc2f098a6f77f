/** The settings that every process obeys at once, and who changed them. */

import { api } from "../../app/api.js";
import { dateTime } from "../../app/format.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { may } from "../../app/session.js";
import { tell } from "../../app/toasts.js";
import { html, useState } from "../../app/view.js";
import { Choice, Field } from "../../parts/fields.js";
import { Loaded } from "../../parts/states.js";

const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"];

/** The form and the history of changes. */
export function Settings() {
  const settings = useResource("/settings");
  const history = useResource("/settings/history", { query: { limit: 20 } });
  return html`<${Loaded} of=${settings}>${(
    data,
  ) => html`<div class="grid cols-2"><${Form} key=${JSON.stringify(data)} settings=${data}
    onSaved=${(
    next,
  ) => {
    settings.set(next);
    history.reload();
  }} />
    <section class="card"><header><h2>${t("Changes")}</h2></header>${
      history.data?.length
        ? html`<ul class="stack">${history.data.map(
            (
              one,
            ) => html`<li key=${one.version}><b>${one.changed_by}</b> <span class="muted small">
              ${dateTime(one.changed_at)}</span>
      <div class="small">${Object.entries(one.changes).map(([name, [from, to]]) => html`<div>
        ${name}: ${String(from)} → ${String(to)}</div>`)}</div></li>`,
          )}</ul>`
        : html`<p class="muted">${t("Nothing has been changed yet.")}</p>`
    }</section></div>`}<//>`;
}

function Form({ settings, onSaved }) {
  const [draft, setDraft] = useState(settings);
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const isLocked = !may("config");
  const set = (name) => (value) => setDraft((old) => ({ ...old, [name]: Number(value) }));
  const limit = (name) => (value) =>
    setDraft((old) => ({
      ...old,
      alert_thresholds: { ...old.alert_thresholds, [name]: Number(value) },
    }));
  const submit = async (event) => {
    event.preventDefault();
    try {
      onSaved(await api("/settings", { method: "POST", body: draft }));
      tell(t("Saved; every process obeys it now."));
    } catch (error) {
      setErrors(error.fields);
      tell(t(error.message), "bad");
    }
  };
  const texts = {
    sampling_interval_seconds: [t("Seconds between samples"), 1, 3600],
    log_retention_hours: [t("Hours that logs are kept"), 1, 720],
    metrics_retention_days: [t("Days that metrics are kept"), 1, 365],
  };
  const limits = {
    cpu_percent: t("Alert from processor load (%)"),
    memory_percent: t("Alert from memory use (%)"),
    disk_percent: t("Alert from disk use (%)"),
  };
  return html`<form class="card stack" onSubmit=${submit}><h2>${t("Settings")}</h2>
    ${Object.entries(texts).map(([name, [label, min, max]]) => html`<${Field} key=${name}
      label=${label} name=${name} type="number" min=${min} max=${max} value=${draft[name]}
        onInput=${set(name)} error=${errors[name]} disabled=${isLocked} />`)}
    ${Object.entries(limits).map(([name, label]) => html`<${Field} key=${name} label=${label}
      name=${name} type="number" min="1" max="100" value=${draft.alert_thresholds[name]}
        onInput=${limit(name)} error=${errors[name]} disabled=${isLocked} />`)}
    <${Choice} label=${t("Least level that is logged")} name="log_level" value=${draft.log_level}
      options=${LEVELS.map((one) => [one, one])}
        onInput=${(value) => setDraft((old) => ({ ...old, log_level: value }))}
          disabled=${isLocked} />
    ${!isLocked && html`<div class="row"><button class="button main">${t("Save")}</button></div>`}
      </form>`;
}
