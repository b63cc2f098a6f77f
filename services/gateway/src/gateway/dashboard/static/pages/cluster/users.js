/** Users and their roles; the administrator's page. */

import { api } from "../../app/api.js";
import { dateTime } from "../../app/format.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { may, user as self } from "../../app/session.js";
import { tell } from "../../app/toasts.js";
import { html, useState } from "../../app/view.js";
import { Dialog } from "../../parts/dialogs.js";
import { Choice, Field } from "../../parts/fields.js";
import { Icon } from "../../parts/icons.js";
import { removed } from "../../parts/removal.js";
import { Empty, Loaded } from "../../parts/states.js";

const ROLES = ["admin", "supervisor", "viewer", "api_client"];

/** The list; a dialog adds or changes one. */
export function Users() {
  const users = useResource(may("*") ? "/api/v1/users" : null);
  const [draft, setDraft] = useState(/** @type {any} */ (null));
  if (!may("*")) return html`<${Empty} text=${t("You may not see this.")} />`;
  const remove = async (one) => {
    const question = {
      title: t("Remove {name}?", { name: one.username }),
      text: t("Their sessions and keys end at once."),
    };
    const path = `/api/v1/users/${encodeURIComponent(one.username)}`;
    if (await removed(path, question)) users.reload();
  };
  return html`<div class="filters"><button class="button main"
    onClick=${() => setDraft({ username: "", name: "", role: "viewer", password: "", isNew: true })}>
      <${Icon} name="plus" />${t("Add a user")}</button></div>
    <section class="card"><${Loaded} of=${users}>${(
      data,
    ) => html`<div class="table-wrap" tabindex="0" role="region" aria-label=${t("Users")}><table>
      <thead><tr><th>${t("User name")}</th><th>${t("Name")}</th><th>${t("Role")}</th><th>
        ${t("Made")}</th><th><span class="hidden-text">${t("Actions")}</span></th></tr></thead>
      <tbody>${data.users.map(
        (
          one,
        ) => html`<tr key=${one.username}><td>${one.username}</td><td>${one.name}</td><td>
          ${t(one.role)}</td><td class="nowrap">${dateTime(one.created_at)}</td>
        <td class="num nowrap"><button class="button plain small"
          aria-label=${t("Change {name}", { name: one.username })}
            onClick=${() => setDraft({ ...one, password: "" })}><${Icon} name="edit" /></button>
          ${one.username !== self.value.username && html`<button class="button plain small"
            aria-label=${t("Remove {what}", { what: one.username })} onClick=${() => remove(one)}>
              <${Icon} name="trash" /></button>`}</td></tr>`,
      )}</tbody></table></div>`}<//></section>
    ${
      draft &&
      html`<${Form} first=${draft} onDone=${() => {
        setDraft(null);
        users.reload();
      }} />`
    }`;
}

function Form({ first, onDone }) {
  const [draft, setDraft] = useState(first);
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const set = (name) => (value) => setDraft((old) => ({ ...old, [name]: value }));
  const submit = async (event) => {
    event.preventDefault();
    const { username, name, role, password } = draft;
    try {
      if (first.isNew)
        await api("/api/v1/users", { method: "POST", body: { username, name, role, password } });
      else
        await api(`/api/v1/users/${encodeURIComponent(username)}`, {
          method: "PATCH",
          body: { name, role, ...(password && { password }) },
        });
      tell(t("Saved."));
      onDone();
    } catch (error) {
      setErrors(error.fields);
      tell(t(error.message), "bad");
    }
  };
  return html`<${Dialog}
    title=${first.isNew ? t("Add a user") : t("Change {name}", { name: first.username })}
      onClose=${onDone}><form onSubmit=${submit}>
    ${first.isNew && html`<${Field} label=${t("User name")} name="new-username"
      value=${draft.username} onInput=${set("username")} error=${errors.username} required
        autocomplete="off" />`}
    <${Field} label=${t("Name")} name="new-name" value=${draft.name} onInput=${set("name")}
      error=${errors.name} required />
    <${Choice} label=${t("Role")} name="new-role" value=${draft.role}
      options=${ROLES.map((role) => [role, t(role)])} onInput=${set("role")} />
    <${Field} label=${first.isNew ? t("Password") : t("New password, or empty")} name="new-password"
      type="password" minlength="8" value=${draft.password} onInput=${set("password")}
        error=${errors.password} required=${first.isNew} autocomplete="new-password" />
    <div class="row end"><button class="button main">${t("Save")}</button></div></form><//>`;
}
