/** One card a domain: its figures and, where there is one, what is worst in it. */

import { number, percent } from "../../app/format.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { html } from "../../app/view.js";
import { Badge } from "../../parts/badge.js";
import { Icon } from "../../parts/icons.js";
import { Sparkline } from "../../parts/sparkline.js";
import { Loaded, Loading } from "../../parts/states.js";

const VISION_MS = 15_000;
const FLOOR_MS = 30_000;
const MACHINE_MS = 10_000;
const SHOWN = 4;
const MEAN_OVER = 10;

function Domain({ name, title, children }) {
  return html`<section class="card" aria-labelledby="domain-${name}">
    <header><h2 id="domain-${name}" class="row tight"><${Icon} name=${name} />${title}</h2><a
      class="small" href="#/${name}">${t("Open")}<span class="hidden-text"> ${title}</span></a>
        </header>
    <div class="stack">${children}</div></section>`;
}

function Figure({ value, text }) {
  return html`<div class="figure"><b>${value}</b><span>${text}</span></div>`;
}

/** Machines, queue and throughput. */
export function VisionCard() {
  const vision = useResource("/api/v1/dashboard/", { everyMs: VISION_MS });
  return html`<${Domain} name="vision" title=${t("Vision")}><${Loaded} of=${vision}>${(
    data,
  ) => html`
    <div class="figures">
      <${Figure} value="${number(data.online_machines)}/${number(data.total_machines)}"
        text=${t("machines online")} />
      <${Figure} value=${number(data.processing_inspections + data.assigned_inspections)}
        text=${t("running")} />
      <${Figure} value=${number(data.pending_inspections)} text=${t("waiting")} />
      <${Figure} value=${number(data.performance_metrics.throughput_per_hour)}
        text=${t("an hour")} />
    </div>
    <div class="row tight"><${Badge} state=${data.system_health} />
      ${data.failed_inspections > 0 && html`<${Badge} state="failed"
        text=${t("{n} failed", { n: number(data.failed_inspections) })} />`}
      <span class="muted small">
        ${t("{rate} % succeed", { rate: number(data.performance_metrics.success_rate, 1) })}</span>
          </div>`}<//><//>`;
}

/** People, productivity and zones. */
export function FloorCard({ live }) {
  const floor = useResource("/api/v1/metrics/today", { everyMs: FLOOR_MS });
  return html`<${Domain} name="floor" title=${t("Floor")}><${Loaded} of=${floor}>${(data) => html`
    <div class="figures">
      <${Figure} value="${number(live?.active_workers ?? data.active_workers)}/${number(data.total_workers)}"
        text=${t("people at work")} />
      <${Figure} value=${percent(live?.overall_productivity ?? data.overall_productivity)}
        text=${t("productivity")} />
      ${data.current_index !== null && html`<${Figure}
        value="${number(data.current_index)}/${number(data.total_indices)}" text=${t("index")} />`}
    </div>
    <ul class="lines">${data.zones.slice(0, SHOWN).map(
      (zone) => html`<li key=${zone.zone_id}><span class="grow clip">${zone.zone_name}</span>
      <span>${number(zone.workers_count)}</span><${Badge} state=${zone.status} /></li>`,
    )}</ul>`}<//><//>`;
}

const PRINTER_STATES = ["printing", "paused", "error", "offline", "idle"];

/** How many printers are in which state, and how far the busiest are. */
export function PrintersCard({ printers }) {
  if (!printers) return html`<${Domain} name="printers" title=${t("Printers")}><${Loading} /><//>`;
  const all = Object.values(printers);
  const counted = PRINTER_STATES.map((state) => ({
    state,
    n: all.filter((one) => one.status === state).length,
  }));
  const counts = counted.filter(({ n }) => n > 0);
  const busy = all.filter((one) => one.current_job).slice(0, SHOWN);
  return html`<${Domain} name="printers" title=${t("Printers")}>
    <div class="row tight">${counts.map(({ state, n }) => html`<${Badge} key=${state} state=${state}
      text="${number(n)} ${t(state)}" />`)}
      ${!all.length && html`<span class="muted">${t("No printer yet.")}</span>`}</div>
    <ul class="lines">${busy.map(
      (
        one,
      ) => html`<li key=${one.printer_id}><a class="grow clip" href="#/printers/${one.printer_id}">
        ${one.name}</a>
      <span class="bar slim"><i style=${{ width: `${one.current_job.progress_percentage}%` }}></i>
        </span>
      <span class="nowrap">${number(one.current_job.progress_percentage, 0)} %</span></li>`,
    )}</ul><//>`;
}

/** How many devices are heard. */
export function DevicesCard({ devices }) {
  return html`<${Domain} name="devices" title=${t("Devices")}><${Loaded} of=${devices}>${(data) => {
    const by = (state) => data.results.filter((one) => one.connectivity === state);
    const stale = by("stale");
    return html`<div class="figures">
        <${Figure} value="${number(by("online").length)}/${number(data.count)}"
          text=${t("online")} />
        <${Figure} value=${number(stale.length)} text=${t("stale")} />
        <${Figure} value=${number(by("never").length)} text=${t("never heard")} />
      </div>
      <ul class="lines">${stale.slice(0, SHOWN).map((one) => html`<li key=${one.id}><a
        class="grow clip" href="#/devices/${one.id}">${one.name}</a><${Badge} state="stale" />
          </li>`)}</ul>`;
  }}<//><//>`;
}

/** Load of the hosts and what of the mesh is up. */
export function ClusterCard({ health }) {
  const machine = useResource("/api/system_metrics", { everyMs: MACHINE_MS });
  const states = Object.values(health?.components ?? {}).filter(
    (state) => typeof state === "string" && state !== "disabled",
  );
  return html`<${Domain} name="cluster" title=${t("Cluster")}>
    <div class="figures">
      <${Figure} value="${number(states.filter((state) => state === "healthy").length)}/${number(states.length)}"
        text=${t("parts healthy")} />
      ${
        machine.data &&
        html`<${Figure} value="${number(level(machine.data.cpu))} %" text=${t("processor")} />
        <${Figure} value="${number(level(machine.data.memory))} %" text=${t("memory")} />
        <${Figure} value="${number(level(machine.data.disk))} %" text=${t("disk")} />`
      }
    </div><//>`;
}

/** How much happens: events of the last minute, second by second. */
export function ThroughputCard({ rates }) {
  return html`<section class="card" aria-labelledby="throughput"><header><h2 id="throughput"
    class="row tight"><${Icon} name="clock" />${t("Throughput")}</h2></header>
    <div class="stack"><div class="figures"><${Figure} value=${number(meanRate(rates), 1)}
      text=${t("events a second")} /><${Figure} value=${number(Math.max(...rates))}
        text=${t("at most, last minute")} /></div>
    <${Sparkline} values=${rates} label=${t("Events a second, last minute")} /></div></section>`;
}

/** The mean of the last ten whole seconds. */
function meanRate(rates) {
  const seen = rates.slice(-1 - MEAN_OVER, -1);
  return seen.reduce((sum, rate) => sum + rate, 0) / MEAN_OVER;
}

function level(part) {
  return typeof part === "number" ? part : (part?.percent ?? part?.usage_percent);
}
