/** Every vision machine: its state, its load, what it has measured of itself. */

import { number } from "../../app/format.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { html } from "../../app/view.js";
import { Ago } from "../../parts/ages.js";
import { Badge } from "../../parts/badge.js";
import { Empty, Loaded } from "../../parts/states.js";

const EVERY_MS = 15_000;
const MOST = 100;

/** Cards, one a machine. */
export function Machines() {
  const machines = useResource("/api/v1/machines/", {
    query: { page_size: MOST },
    everyMs: EVERY_MS,
  });
  return html`<${Loaded} of=${machines}>${(data) =>
    data.count
      ? html`<div class="grid cols-3">${data.results.map((machine) => html`<${MachineCard}
        key=${machine.id} machine=${machine} />`)}</div>`
      : html`<${Empty} icon="vision" text=${t("No vision machine has registered yet.")} />`}<//>`;
}

function MachineCard({ machine }) {
  const share = machine.current_inspections / machine.max_concurrent_inspections;
  const specs = machine.hardware_specs ?? {};
  return html`<a class="card" href="#/vision/machines/${machine.id}">
    <header><h2>${machine.name}</h2><${Badge} state=${machine.status} /></header>
    <div class="stack">
      <div><div class="row spread small"><span class="muted">${t("Load")}</span>
        <span>${t("{n} of {most} inspections", { n: number(machine.current_inspections), most: number(machine.max_concurrent_inspections) })}
          </span></div>
        <div class="bar ${share >= 1 ? "warn" : "ok"}"><i
          style=${{ width: `${Math.min(100, share * 100)}%` }}></i></div></div>
      <p class="small muted clip">
        ${specs.cpu ?? ""}${specs.gpu ? ` · ${typeof specs.gpu === "string" ? specs.gpu : (specs.gpu.name ?? "")}` : ""}
          </p>
      <p class="small muted">
        ${machine.location && `${machine.location} · `}${t("heartbeat")} <${Ago}
          at=${machine.last_heartbeat} /></p>
      ${machine.last_push_error && html`<p class="small bad tone">${machine.last_push_error}</p>`}
    </div></a>`;
}
