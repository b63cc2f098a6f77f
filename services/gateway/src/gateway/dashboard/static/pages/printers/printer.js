/** One printer: its print, its temperatures, its history, and what it can be told to do. */

import { api } from "../../app/api.js";
import { dateTime, duration, number } from "../../app/format.js";
import { gathered } from "../../app/gathering.js";
import { t } from "../../app/language.js";
import { useLive } from "../../app/live.js";
import { useResource } from "../../app/resource.js";
import { html, useMemo, useState } from "../../app/view.js";
import { Ago } from "../../parts/ages.js";
import { Badge } from "../../parts/badge.js";
import { Chart } from "../../parts/chart.js";
import { Heading } from "../../parts/heading.js";
import { Empty, Fresh, Loaded } from "../../parts/states.js";
import { Commands, Keeping } from "./commands.js";
import { withEvent } from "./fleet.js";
import { Readings } from "./wall.js";

const HISTORY_MS = 20_000;

/** The page of one printer. */
export function Printer({ id }) {
  const [fleet, setFleet] = useState(/** @type {any} */ (null));
  const [turns, setTurns] = useState(0);
  const add = useMemo(
    () =>
      gathered((events) => {
        setFleet((known) => events.reduce(withEvent, known));
        if (
          events.some((event) => ["printer_job", "printer_command", "alert"].includes(event.type))
        )
          setTurns((count) => count + 1);
      }),
    [],
  );
  const first = useResource(`/api/printers/${encodeURIComponent(id)}`);
  const state = useLive(first.data ? `/ws/printers?printer_id=${encodeURIComponent(id)}` : null, {
    onEvent: add,
  });
  return html`<${Loaded} of=${first}>${(data) => {
    const printer = fleet?.[id] ?? data;
    return html`<${Heading} title=${printer.name} back=${["#/printers", t("Printers")]}
      sub=${[printer.model, printer.location].filter(Boolean).join(" · ")}>
        <${Badge} state=${printer.status} /><${Commands} printer=${printer} /><//>
      <${Fresh} live=${state === "live"}><div class="grid split">
        <div class="stack"><${Now} printer=${printer} /><${History} job=${printer.current_job}
          id=${id} /><${Prints} id=${id} turns=${turns} /></div>
        <div class="stack"><${Facts} printer=${printer} /><${Alerts} id=${id} turns=${turns} />
          <${Asked} id=${id} turns=${turns} /><${Keeping} printer=${data} reload=${first.reload} />
            </div>
      </div><//>`;
  }}<//>`;
}

function Now({ printer }) {
  const job = printer.current_job;
  if (!job)
    return html`<section class="card"><${Empty} icon="printers"
      text=${t("It prints nothing now.")} /></section>`;
  return html`<section class="card"><header><h2>${job.product_name || job.model_file}</h2><${Badge}
    state=${job.status} /></header><div class="stack">
    <div class="row"><div class="bar grow"><i style=${{ width: `${job.progress_percentage}%` }}></i>
      </div><b>${number(job.progress_percentage, 1)} %</b></div>
    <${Readings} readings=${printer.readings} job=${job} />${job.message && html`<p class="muted">
      ${job.message}</p>`}</div></section>`;
}

/** Temperatures and layers of the present print, or of the last one. */
function History({ job, id }) {
  const last = useResource(job ? null : "/api/print-jobs", {
    query: { printer_id: id, page_size: 1 },
  });
  const jobId = job?.print_status_id ?? last.data?.results[0]?.id;
  const metrics = useResource(jobId ? `/api/print-jobs/${jobId}/metrics` : null, {
    everyMs: job ? HISTORY_MS : undefined,
  });
  if (!metrics.data?.points.length) return null;
  const { points } = metrics.data;
  const x = points.map((point) => Date.parse(point.timestamp) / 1000);
  const column = (name) => points.map((point) => point[name] ?? null);
  return html`<section class="card"><header><h2>${t("Temperatures")}</h2></header>
      <${Chart} label=${t("Temperatures")} series=${[
        { name: t("Nozzle"), unit: "°C", ink: "--warn" },
        { name: t("Bed"), unit: "°C", ink: "--accent" },
      ]} data=${[x, column("hotend_temp"), column("bed_temp")]} /></section>
    ${
      points.some((point) => point.current_layer != null) &&
      html`<section class="card"><header><h2>${t("Layers")}</h2></header>
      <${Chart} label=${t("Layers")} series=${[{ name: t("Layer"), unit: "" }]}
        data=${[x, column("current_layer")]} height=${180} /></section>`
    }`;
}

function Prints({ id, turns }) {
  const prints = useResource("/api/print-jobs", {
    query: { printer_id: id, page_size: 10, turns },
  });
  return html`<section class="card"><header><h2>${t("Prints")}</h2></header><${Loaded} of=${prints}>
    ${(
    data,
  ) =>
    data.count
      ? html`<div class="table-wrap" tabindex="0" role="region" aria-label=${t("Prints")}><table>
    <thead><tr><th>${t("Product")}</th><th>${t("State")}</th><th class="num">${t("Progress")}</th>
      <th>${t("Began")}</th><th class="num">${t("Printing time")}</th><th class="num">
        ${t("Filament")}</th></tr></thead>
    <tbody>${data.results.map(
      (
        one,
      ) => html`<tr key=${one.id}><td>${one.product_name || one.model_file}</td><td><${Badge}
        state=${one.status} /></td><td class="num">${number(one.progress_percentage, 1)} %</td>
      <td class="nowrap">${dateTime(one.started_at_utc)}</td><td class="num nowrap">
        ${duration(one.printing_seconds)}</td><td class="num nowrap">
          ${number(one.filament_used_mm / 1000, 2)} m</td></tr>`,
    )}</tbody></table></div>`
      : html`<p class="muted">${t("No print yet.")}</p>`}<//></section>`;
}

function Facts({ printer }) {
  return html`<section class="card"><header><h2>${t("Printer")}</h2></header><dl class="facts">
    <dt>${t("Id")}</dt><dd class="mono">${printer.printer_id}</dd><dt>${t("Driver")}</dt><dd>
      ${printer.driver}</dd>
    ${printer.url && html`<dt>${t("Address")}</dt><dd class="mono">${printer.url}</dd>`}
    <dt>${t("Link")}</dt><dd><${Badge} state=${printer.link.state} />
      ${printer.link.error && html` <span class="small muted">${printer.link.error}</span>`}</dd>
    <dt>${t("Last heard")}</dt><dd><${Ago} at=${printer.last_seen_at_utc} /></dd>
    ${printer.camera_score != null && html`<dt>${t("Sign of failure")}</dt><dd>
      ${number(printer.camera_score * 100, 0)} %</dd>`}
    <dt>${t("Filament in all")}</dt><dd>${number(printer.filament_used_mm_total / 1000, 1)} m</dd>
      </dl></section>`;
}

function Alerts({ id, turns }) {
  const alerts = useResource(`/api/printers/${encodeURIComponent(id)}/alerts`, {
    query: { open: true, turns },
  });
  if (!alerts.data?.length) return null;
  return html`<section class="card warn"><header><h2>${t("Open alerts")}</h2></header><ul
    class="lines">${alerts.data.map(
    (one) => html`<li key=${one.id}>
    <${Badge} state=${one.severity} /><span class="grow">${one.message}</span><span
      class="small muted"><${Ago} at=${one.created_at_utc} /></span></li>`,
  )}</ul></section>`;
}

function Asked({ id, turns }) {
  const asked = useResource(`/api/printers/${encodeURIComponent(id)}/commands`, {
    query: { page_size: 5, turns },
  });
  if (!asked.data?.count) return null;
  return html`<section class="card"><header><h2>${t("Commands")}</h2></header><ul class="lines">
    ${asked.data.results.map(
    (one) => html`<li key=${one.id}>
    <span>${t(one.command)}</span><${Badge} state=${one.state} /><span class="grow small muted clip"
      title=${one.error ?? ""}>${one.requested_by}${one.error ? ` · ${one.error}` : ""}</span><span
        class="small muted"><${Ago} at=${one.requested_at_utc} /></span></li>`,
  )}</ul></section>`;
}
