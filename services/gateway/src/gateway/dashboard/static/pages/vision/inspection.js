/** One inspection: picture and overlays, results, time per tool, attempts, and what can be done. */

import { api } from "../../app/api.js";
import { dateTime, duration, number } from "../../app/format.js";
import { t } from "../../app/language.js";
import { go } from "../../app/routing.js";
import { may } from "../../app/session.js";
import { attempt } from "../../app/toasts.js";
import { html } from "../../app/view.js";
import { Badge } from "../../parts/badge.js";
import { confirmed } from "../../parts/dialogs.js";
import { Heading } from "../../parts/heading.js";
import { Icon } from "../../parts/icons.js";
import { Fresh, Loaded } from "../../parts/states.js";
import { keepDraft } from "./drafts.js";
import { Pictured } from "./overlay.js";
import { Results, ToolTimes } from "./results.js";
import { useInspection } from "./watching.js";

/** The page of one inspection. */
export function Inspection({ id }) {
  const { record, frame, picture, state } = useInspection(id);
  return html`<${Loaded} of=${record}>${(data) => {
    const results = frame ?? data.results;
    return html`<${Heading} title=${data.name} back=${["#/vision/inspections", t("Inspections")]}
      sub=${data.description}>
        <${Badge} state=${data.status} /><${Actions} data=${data} reload=${record.reload} /><//>
      <${Fresh} live=${state === "live" || state === "ended"}><div class="grid split">
        <div class="stack"><section class="card"><${Shown} data=${data} results=${results}
          picture=${picture} /></section><${Attempts} data=${data} /></div>
        <div class="stack">
          ${data.error_message && html`<p class="note bad"><${Icon} name="alert" />
            ${data.error_message}</p>`}
          ${data.status === "pending" && html`<p class="note info">
            ${t("Place {place} in the queue; about {wait}.", { place: data.queue_position ?? "–", wait: duration(data.estimated_wait_time) })}
              </p>`}
          <section class="card"><header><h2>${t("Results")}</h2><span class="muted">
            ${results?.processing_time != null ? `${number(results.processing_time * 1000, 1)} ms` : ""}
              </span></header><div class="stack"><${Results} results=${results} /></div></section>
          <section class="card"><header><h2>${t("Time per tool")}</h2></header><${ToolTimes}
            tools=${results?.tools}
              order=${data.pipeline_config.tools.map((tool) => tool.id ?? tool.name)} /></section>
          <${Facts} data=${data} />
        </div></div><//>`;
  }}<//>`;
}

/** The picture: live and bare, as it was uploaded, or the drawn one that came with the result. */
function Shown({ data, results, picture }) {
  const source =
    data.pipeline_config.tools.find((tool) => tool.name === "image_source")?.parameters ?? {};
  const uploaded = source.source_type === "upload" ? `/api/v1/images/${source.image_id}/` : null;
  const artifact = data.artifacts.find((one) => one.media_type === "image/jpeg");
  const drawn = artifact ? new URL(artifact.url, location.href).pathname : null;
  if (!picture && !uploaded && !drawn)
    return html`<div class="picture-wait muted">${t("No picture yet.")}</div>`;
  return html`<${Pictured} src=${picture ?? uploaded} drawn=${picture ? null : drawn}
    overlay=${results?.overlay} alt=${t("What the machine saw")} />`;
}

function Actions({ data, reload }) {
  if (!may("write")) return null;
  const path = `/api/v1/inspections/${data.id}`;
  const post = (what, done) =>
    attempt(async () => {
      await api(`${path}/${what}/`, { method: "POST" });
      await reload();
    }, done);
  const remove = async () => {
    if (
      !(await confirmed({
        title: t("Delete this inspection?"),
        text: t("Its results and pictures go with it."),
        action: t("Delete"),
        isDangerous: true,
      }))
    )
      return;
    const done = await attempt(async () => {
      await api(`${path}/`, { method: "DELETE" });
      return true;
    }, t("Deleted."));
    if (done) go("/vision/inspections");
  };
  const open = () => {
    keepDraft({
      name: data.name,
      inspection_type: data.inspection_type,
      pipeline_config: data.pipeline_config,
    });
    go("/vision/editor");
  };
  const isOver = ["completed", "failed", "cancelled"].includes(data.status);
  return html`<button class="button" onClick=${open}><${Icon} name="flow" />
    ${t("Open in the editor")}</button>
    ${!isOver && html`<button class="button danger"
      onClick=${() => post("cancel", t("Cancelled."))}><${Icon} name="stop" />${t("Cancel")}
        </button>`}
    ${["failed", "cancelled"].includes(data.status) && html`<button class="button"
      onClick=${() => post("retry", t("Queued again."))}><${Icon} name="repeat" />${t("Retry")}
        </button>`}
    ${isOver && may("delete") && html`<button class="button plain" onClick=${remove}
      aria-label=${t("Delete")}><${Icon} name="trash" /></button>`}`;
}

function Attempts({ data }) {
  if (!data.attempts.length) return null;
  return html`<section class="card"><header><h2>${t("Attempts and leases")}</h2></header><div
    class="table-wrap" tabindex="0" role="region" aria-label=${t("Attempts and leases")}><table>
    <thead><tr><th>#</th><th>${t("Machine")}</th><th>${t("Began")}</th><th class="num">${t("Took")}
      </th><th>${t("Outcome")}</th></tr></thead>
    <tbody>${data.attempts.map(
      (
        one,
      ) => html`<tr key=${one.attempt}><td>${one.attempt}</td><td><a
        href="#/vision/machines/${one.machine_id}">${one.machine_id}</a></td>
      <td>${dateTime(one.started_at)}</td><td class="num">
        ${one.ended_at ? `${number((Date.parse(one.ended_at) - Date.parse(one.started_at)) / 1000, 2)} s` : "–"}
          </td>
      <td><${Badge} state=${one.outcome ?? "processing"}
        text=${t(one.outcome ?? "holds the lease")} />${one.error && html` <span
          class="small muted">${one.error}</span>`}</td></tr>`,
    )}</tbody></table></div>
    ${data.late_reports.length > 0 && html`<p class="small muted">
      ${t("{n} late or double results were kept as evidence and changed nothing.", { n: data.late_reports.length })}
        </p>`}</section>`;
}

function Facts({ data }) {
  return html`<section class="card"><header><h2>${t("Record")}</h2></header><dl class="facts">
    <dt>${t("Id")}</dt><dd class="mono">${data.id}</dd><dt>${t("Type")}</dt><dd>
      ${data.inspection_type}</dd>
    <dt>${t("Priority")}</dt><dd>${data.priority}</dd><dt>${t("Strategy")}</dt><dd>
      ${t(data.strategy.replaceAll("_", " "))}</dd>
    <dt>${t("Machine")}</dt><dd>${data.machine_id ? html`<a
      href="#/vision/machines/${data.machine_id}">${data.machine_id}</a>` : "–"}</dd>
    <dt>${t("Made by")}</dt><dd>${data.created_by}</dd><dt>${t("Made")}</dt><dd>
      ${dateTime(data.created_at)}</dd>
    <dt>${t("Ended")}</dt><dd>${dateTime(data.completed_at)}</dd></dl>
    <details><summary>${t("Pipeline")}</summary><pre class="json" tabindex="0">
      ${JSON.stringify(data.pipeline_config, null, 2)}</pre></details></section>`;
}
