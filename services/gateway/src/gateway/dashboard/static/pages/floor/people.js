/** Workers: who they are, their shift, their badge. */

import { api } from "../../app/api.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { may } from "../../app/session.js";
import { attempt, tell } from "../../app/toasts.js";
import { html, useState } from "../../app/view.js";
import { confirmed, Dialog } from "../../parts/dialogs.js";
import { Field } from "../../parts/fields.js";
import { Icon } from "../../parts/icons.js";
import { Pager } from "../../parts/pager.js";
import { Empty, Loaded } from "../../parts/states.js";

const SIZE = 50;

/** The list and the dialog that adds to it. */
export function People() {
  const [page, setPage] = useState(1);
  const [isAdding, setAdding] = useState(false);
  const workers = useResource("/api/v1/workers", {
    query: { active: true, limit: SIZE, offset: (page - 1) * SIZE },
  });
  const remove = async (worker) => {
    if (
      !(await confirmed({
        title: t("Deactivate {name}?", { name: worker.name }),
        text: t("The history stays."),
        action: t("Deactivate"),
        isDangerous: true,
      }))
    )
      return;
    await attempt(async () => {
      await api(`/api/v1/workers/${encodeURIComponent(worker.worker_id)}`, { method: "DELETE" });
      await workers.reload();
    }, t("Deactivated."));
  };
  return html`${may("write") && html`<div class="filters"><button class="button main"
    onClick=${() => setAdding(true)}><${Icon} name="plus" />${t("Add a worker")}</button></div>`}
    <section class="card"><${Loaded} of=${workers}>${(data) =>
      html`${
        data.total
          ? html`<div class="table-wrap" tabindex="0" role="region" aria-label=${t("Workers")}>
            <table>
      <thead><tr><th>${t("Id")}</th><th>${t("Name")}</th><th>${t("Badge")}</th><th>${t("Shift")}
        </th><th>${t("Skill")}</th><th><span class="hidden-text">${t("Actions")}</span></th></tr>
          </thead>
      <tbody>${data.workers.map(
        (
          one,
        ) => html`<tr key=${one.worker_id}><td class="mono">${one.worker_id}</td><td>${one.name}
          </td><td>${one.badge_id ?? "–"}</td><td>${one.shift ? t(one.shift) : "–"}</td><td>
            ${one.skill_level ? t(one.skill_level) : "–"}</td>
        <td class="num">${may("delete") && html`<button class="button plain small"
          aria-label=${t("Deactivate {name}?", { name: one.name })} onClick=${() => remove(one)}>
            <${Icon} name="trash" /></button>`}</td></tr>`,
      )}</tbody></table></div>`
          : html`<${Empty} icon="floor" text=${t("No worker yet.")} />`
      }<${Pager} page=${page} count=${data.total} size=${SIZE} onPage=${setPage} />`}<//></section>
    ${
      isAdding &&
      html`<${NewWorker} onDone=${() => {
        setAdding(false);
        workers.reload();
      }} />`
    }`;
}

function NewWorker({ onDone }) {
  const [draft, setDraft] = useState({
    worker_id: "",
    name: "",
    badge_id: "",
    shift: "morning",
    skill_level: "",
  });
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const set = (name) => (value) => setDraft((old) => ({ ...old, [name]: value }));
  const submit = async (event) => {
    event.preventDefault();
    const body = Object.fromEntries(
      Object.entries(draft).map(([name, value]) => [name, value || null]),
    );
    try {
      await api("/api/v1/workers", { method: "POST", body });
      tell(t("Added."));
      onDone();
    } catch (error) {
      setErrors(error.fields);
      tell(t(error.message), "bad");
    }
  };
  const labels = {
    worker_id: t("Id"),
    name: t("Name"),
    badge_id: t("Badge"),
    shift: t("Shift"),
    skill_level: t("Skill"),
  };
  return html`<${Dialog} title=${t("Add a worker")} onClose=${onDone}><form onSubmit=${submit}>
    ${Object.entries(labels).map(([name, label]) => html`<${Field} key=${name} label=${label}
      name="worker-${name}" value=${draft[name]} onInput=${set(name)} error=${errors[name]}
        required=${["worker_id", "name"].includes(name)} />`)}
    <div class="row end"><button class="button main">${t("Add")}</button></div></form><//>`;
}
