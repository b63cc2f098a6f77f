/** The wall: a card a printer, those that need somebody first. */

import { number, timeOfDay } from "../../app/format.js";
import { gathered } from "../../app/gathering.js";
import { t } from "../../app/language.js";
import { useLive } from "../../app/live.js";
import { useResource } from "../../app/resource.js";
import { amend } from "../../app/routing.js";
import { now } from "../../app/clock.js";
import { duration } from "../../app/format.js";
import { may } from "../../app/session.js";
import { html, useMemo, useState } from "../../app/view.js";
import { Badge } from "../../parts/badge.js";
import { Empty, Fresh, Loading } from "../../parts/states.js";
import { isStranger, withEvent } from "./fleet.js";

const ORDER = ["error", "paused", "offline", "printing", "idle"];

/** All printers, live. */
export function Wall({ query }) {
  const [fleet, setFleet] = useState(/** @type {any} */ (null));
  const [visit, setVisit] = useState(0);
  const add = useMemo(
    () =>
      gathered((events) =>
        setFleet((known) => {
          if (events.some((event) => isStranger(known, event))) setVisit((count) => count + 1);
          return events.reduce(withEvent, known);
        }),
      ),
    [],
  );
  // A printer that is new is met by asking for everything again.
  const state = useLive(`/ws/printers?visit=${visit}`, { onEvent: add });
  const jobs = useResource("/api/print-jobs", {
    query: { status: "printing", page_size: 100, visit },
  });
  const measured = Object.fromEntries(
    (jobs.data?.results ?? []).map((job) => [job.printer_id, job.metrics]),
  );
  if (!fleet) return html`<${Loading} />`;
  const wanted = query.get("status") ?? "";
  const all = Object.values(fleet);
  const shown = all
    .filter((one) => !wanted || one.status === wanted)
    .sort(
      (one, other) =>
        ORDER.indexOf(one.status) - ORDER.indexOf(other.status) ||
        one.name.localeCompare(other.name),
    );
  if (!all.length)
    return html`<${Empty} icon="printers" text=${t("No printer yet.")}>${may("write") && html`<a
      class="button main" href="#/printers/new">${t("Add a printer")}</a>`}<//>`;
  return html`<div class="row tight filters" role="group" aria-label=${t("State")}>
      <button class="button small" aria-pressed=${!wanted} onClick=${() => amend({ status: null })}>
        ${t("All")} ${number(all.length)}</button>
      ${ORDER.map((name) => ({ name, count: all.filter((one) => one.status === name).length }))
        .filter(({ count }) => count)
        .map(
          ({ name, count }) => html`<button key=${name} class="button small"
        aria-pressed=${wanted === name} onClick=${() => amend({ status: name })}>
          ${t(name)} ${number(count)}</button>`,
        )}</div>
    <${Fresh} live=${state === "live"}><div class="grid cols-3">
      ${shown.map((one) => html`<${PrinterCard} key=${one.printer_id}
        printer=${{ ...one, readings: { ...measured[one.printer_id], ...one.readings } }} />`)}
          </div><//>`;
}

function PrinterCard({ printer }) {
  const { current_job: job, readings } = printer;
  const tone = printer.status === "error" ? "bad" : printer.status === "paused" ? "warn" : "";
  return html`<a class="card printer ${tone}" href="#/printers/${printer.printer_id}">
    <header><div class="grow"><h2 class="clip">${printer.name}</h2><p class="small muted clip">
      ${[printer.model, printer.location].filter(Boolean).join(" · ") || printer.printer_id}</p>
        </div><${Badge} state=${printer.status} /></header>
    <div class="stack">
      ${
        job
          ? html`<div><div class="row spread"><span class="clip grow">
            ${job.product_name || job.model_file}</span><b>
              ${number(job.progress_percentage, 1)} %</b></div>
        <div class="bar"><i style=${{ width: `${job.progress_percentage}%` }}></i></div></div>`
          : html`<p class="muted">${t("No print.")}</p>`
      }
      <${Readings} readings=${readings} job=${job} />
      <${Ages} printer=${printer} />
    </div></a>`;
}

/** Layers, temperatures and the expected end. */
export function Readings({ readings, job }) {
  const heat = (name) =>
    readings?.[`${name}_temp`] === undefined
      ? null
      : `${number(readings[`${name}_temp`], 1)}${readings[`${name}_target`] ? ` / ${number(readings[`${name}_target`])}` : ""} °C`;
  const facts = [
    [
      t("Layer"),
      readings?.current_layer !== undefined &&
        `${number(readings.current_layer)} / ${number(readings.total_layers)}`,
    ],
    [t("Nozzle"), heat("hotend")],
    [t("Bed"), heat("bed")],
    [t("Done at"), job?.estimated_completion_utc && timeOfDay(job.estimated_completion_utc)],
  ].filter(([, value]) => value);
  return html`<dl class="mini">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt>
    <dd>${value}</dd></div>`)}</dl>`;
}

/** The three ages: when the link, the printer and its job were last heard. */
function Ages({ printer }) {
  const seen = printer.last_seen_at_utc
    ? (now.value - Date.parse(printer.last_seen_at_utc)) / 1000
    : null;
  const passed =
    printer.ages && printer.ages.printer_seconds !== null && seen !== null
      ? seen - printer.ages.printer_seconds
      : 0;
  const grown = (age) =>
    age === null || age === undefined ? "–" : duration(Math.max(0, age + Math.max(0, passed)));
  const ages = [
    [
      t("link"),
      seen !== null && !printer.ages?.link_seconds
        ? duration(seen)
        : grown(printer.ages?.link_seconds),
    ],
    [t("printer"), seen === null ? "–" : duration(seen)],
    [t("job"), printer.current_job ? duration(jobAge(printer, seen)) : "–"],
  ];
  return html`<p class="small muted ages" title=${t("When each was last heard")}>
    ${ages.map(([name, age]) => html`<span key=${name}>${name} ${age}</span>`)}</p>`;
}

function jobAge(printer, seen) {
  const at = printer.current_job.last_updated_utc;
  return at ? (now.value - Date.parse(at)) / 1000 : (printer.ages?.job_seconds ?? seen);
}
