/** Keys for programs: shown once, ended at once. */

import { api } from "../../app/api.js";
import { dateTime } from "../../app/format.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { may } from "../../app/session.js";
import { attempt, tell } from "../../app/toasts.js";
import { html, useState } from "../../app/view.js";
import { CodeLine } from "../../parts/code_line.js";
import { confirmed, Dialog } from "../../parts/dialogs.js";
import { Field } from "../../parts/fields.js";
import { Icon } from "../../parts/icons.js";
import { Empty, Loaded } from "../../parts/states.js";

const GRANTS = [
  "read",
  "write",
  "delete",
  "config",
  "acknowledge_alerts",
  "view_reports",
  "observations:write",
  "machine",
];

/** The keys, and the dialog that makes one. */
export function ApiKeys() {
  const keys = useResource("/api/v1/auth/api-keys");
  const [isAdding, setAdding] = useState(false);
  const revoke = async (key) => {
    if (
      !(await confirmed({
        title: t("End the key {name}?", { name: key.name }),
        text: t("Whatever uses it is cut off within a second."),
        action: t("End it"),
        isDangerous: true,
      }))
    )
      return;
    await attempt(async () => {
      await api(`/api/v1/auth/api-keys/${key.key_id}`, { method: "DELETE" });
      await keys.reload();
    }, t("Ended."));
  };
  return html`<div class="filters"><button class="button main" onClick=${() => setAdding(true)}>
    <${Icon} name="plus" />${t("New key")}</button></div>
    <section class="card"><${Loaded} of=${keys}>${(data) =>
      data.total
        ? html`<div class="table-wrap" tabindex="0" role="region" aria-label=${t("API keys")}>
          <table>
      <thead><tr><th>${t("Name")}</th><th>${t("Begins with")}</th><th>${t("Permissions")}</th><th>
        ${t("Made by")}</th><th>${t("Last used")}</th><th>${t("Ends")}</th><th><span
          class="hidden-text">${t("Actions")}</span></th></tr></thead>
      <tbody>${data.api_keys.map(
        (
          one,
        ) => html`<tr key=${one.key_id}><td>${one.name}</td><td class="mono">${one.prefix}…</td><td
          class="small">${one.permissions.join(", ")}</td><td>${one.created_by ?? "–"}</td><td
            class="nowrap">${dateTime(one.last_used_at)}</td><td class="nowrap">
              ${one.expires_at ? dateTime(one.expires_at) : t("never")}</td>
        <td class="num"><button class="button plain small"
          aria-label=${t("End the key {name}?", { name: one.name })} onClick=${() => revoke(one)}>
            <${Icon} name="trash" /></button></td></tr>`,
      )}</tbody></table></div>`
        : html`<${Empty} icon="key" text=${t("No key yet.")} />`}<//></section>
    ${
      isAdding &&
      html`<${NewKey} onDone=${() => {
        setAdding(false);
        keys.reload();
      }} />`
    }`;
}

function NewKey({ onDone }) {
  const [name, setName] = useState("");
  const [granted, setGranted] = useState(["read"]);
  const [made, setMade] = useState(/** @type {any} */ (null));
  const toggle = (one) =>
    setGranted(
      granted.includes(one) ? granted.filter((other) => other !== one) : [...granted, one],
    );
  const submit = async (event) => {
    event.preventDefault();
    try {
      setMade(
        await api("/api/v1/auth/api-keys", {
          method: "POST",
          body: { name, permissions: granted },
        }),
      );
    } catch (error) {
      tell(t(error.message), "bad");
    }
  };
  const offered = GRANTS.filter((one) => (one === "machine" ? may("*") : may(one)));
  return html`<${Dialog} title=${t("New key")} onClose=${onDone}>${
    made
      ? html`<div class="stack"><p class="note ok"><${Icon} name="check" />
        ${t("The new key, shown this once")}</p><${CodeLine} label=${t("Key")}
          text=${made.api_key} />
      <${CodeLine} label=${t("Try it")}
        text=${`curl -H 'X-API-Key: ${made.api_key}' ${location.origin}/auth/me`} /></div>`
      : html`<form onSubmit=${submit}><${Field} label=${t("Name")} name="key-name" value=${name}
        onInput=${setName} required />
      <fieldset class="options"><legend>${t("Permissions")}</legend>
        ${offered.map((one) => html`<label key=${one}
          class=${granted.includes(one) ? "chosen" : ""}><input type="checkbox"
            checked=${granted.includes(one)} onChange=${() => toggle(one)} /><span>${one}</span>
              </label>`)}</fieldset>
      <div class="row end"><button class="button main" disabled=${!granted.length}>${t("Make it")}
        </button></div></form>`
  }<//>`;
}
