/** One machine: how it feels now, what it measured of itself, what it has done. */

import { dateTime, number } from "../../app/format.js";
import { t } from "../../app/language.js";
import { useLive } from "../../app/live.js";
import { useResource } from "../../app/resource.js";
import { may } from "../../app/session.js";
import { attempt } from "../../app/toasts.js";
import { api } from "../../app/api.js";
import { html, useState } from "../../app/view.js";
import { Ago } from "../../parts/ages.js";
import { Badge } from "../../parts/badge.js";
import { Chart } from "../../parts/chart.js";
import { Choice } from "../../parts/fields.js";
import { Heading } from "../../parts/heading.js";
import { Fresh, Loaded } from "../../parts/states.js";

/** The page of one machine. */
export function Machine({ id }) {
  const machine = useResource(`/api/v1/machines/${id}/`);
  const [now, setNow] = useState(/** @type {any} */ (null));
  const state = useLive(`/ws/machines/${id}`, {
    onEvent: (event) => {
      if (event.type === "machine_status") setNow((old) => ({ ...old, ...event.data }));
    },
  });
  return html`<${Loaded} of=${machine}>${(data) => html`
    <${Heading} title=${data.name} back=${["#/vision/machines", t("Machines")]}
      sub=${data.location}>
      <${Badge} state=${now?.status ?? data.status} /><${Service} machine=${data}
        onChanged=${machine.reload} /><//>
    <${Fresh} live=${state === "live"}><div class="grid cols-2">
      <${Present} machine=${data} now=${now} /><${Capability} specs=${data.hardware_specs}
        types=${data.supported_inspection_types} />
    </div><//>
    <${Done} id=${id} />`}<//>`;
}

function Service({ machine, onChanged }) {
  if (!may("write")) return null;
  const isOut = machine.status === "maintenance";
  const change = () =>
    attempt(
      async () => {
        await api(`/api/v1/machines/${machine.id}/`, {
          method: "PATCH",
          body: { status: isOut ? "online" : "maintenance" },
        });
        await onChanged();
      },
      isOut ? t("The machine is in service.") : t("The machine gets no new work."),
    );
  return html`<button class="button" onClick=${change}>
    ${isOut ? t("Put into service") : t("Take out of service")}</button>`;
}

function Present({ machine, now }) {
  const system = now?.system_info ?? {};
  const meters = [
    ["cpu_usage", t("Processor")],
    ["memory_usage", t("Memory")],
    ["gpu_usage", t("GPU")],
  ];
  return html`<section class="card"><header><h2>${t("Now")}</h2><span class="muted">
    ${t("heartbeat")} <${Ago} at=${now?.last_heartbeat ?? machine.last_heartbeat} /></span></header>
    <div class="stack">${meters
      .filter(([name]) => system[name] !== null && system[name] !== undefined)
      .map(
        ([name, text]) => html`<div key=${name}>
      <div class="row spread small"><span class="muted">${text}</span><span>
        ${number(system[name], 0)} %</span></div>
      <div class="bar ${system[name] > 90 ? "warn" : ""}"><i
        style=${{ width: `${Math.min(100, system[name])}%` }}></i></div></div>`,
      )}
    <dl class="facts"><dt>${t("Inspections")}</dt><dd>
      ${t("{n} of {most} inspections", { n: number(now?.current_inspections ?? machine.current_inspections), most: number(machine.max_concurrent_inspections) })}
        </dd>
      <dt>${t("Address")}</dt><dd class="mono">${machine.ip_address}:${machine.port}</dd>
      ${system.temperature != null && html`<dt>${t("Temperature")}</dt><dd>
        ${number(system.temperature, 1)} °C</dd>`}
      <dt>${t("Registered")}</dt><dd>${dateTime(machine.created_at)}</dd></dl></div></section>`;
}

function Capability({ specs, types }) {
  const measured = Object.entries(specs?.benchmark ?? {});
  const facts = Object.entries(specs ?? {}).filter(([, value]) =>
    ["string", "number"].includes(typeof value),
  );
  return html`<section class="card"><header><h2>${t("Measured capability")}</h2></header>
    <div class="stack">
      ${
        measured.length > 0 &&
        html`<table><thead><tr><th>${t("Benchmark")}</th><th class="num">ms</th></tr></thead>
        <tbody>${measured.map(([name, ms]) => html`<tr key=${name}><td>
          ${String(name).replace(/_ms$/, "").replaceAll("_", " ")}</td><td class="num">
            ${number(ms, 1)}</td></tr>`)}</tbody></table>`
      }
      <dl class="facts">${facts.map(([name, value]) => html`<dt>${name.replaceAll("_", " ")}</dt>
        <dd>${value}</dd>`)}</dl>
      <details><summary>${t("{n} tools", { n: types.length })}</summary><p class="muted small">
        ${types.join(", ")}</p></details>
    </div></section>`;
}

function Done({ id }) {
  const [period, setPeriod] = useState("hour");
  const done = useResource(`/api/v1/machines/${id}/statistics/`, { query: { period } });
  const periods = [
    ["hour", t("Hour")],
    ["day", t("Day")],
    ["week", t("Week")],
    ["month", t("Month")],
  ];
  return html`<section class="card spaced"><header><h2>${t("What it has done")}</h2>
    <${Choice} label=${t("Period")} name="period" value=${period} options=${periods}
      onInput=${setPeriod} /></header>
    <${Loaded} of=${done}>${(data) => html`<div class="stack"><div class="figures">
      ${[
        [data.completed_inspections, t("completed")],
        [data.failed_inspections, t("failed")],
        [data.lost_leases, t("lost leases")],
      ].map(
        ([value, text]) =>
          html`<div class="figure"><b>${number(value)}</b><span>${text}</span></div>`,
      )}
      <div class="figure"><b>
        ${number(data.average_processing_time && data.average_processing_time * 1000, 0)} ms</b>
          <span>${t("mean time")}</span></div>
      <div class="figure"><b>${number(data.utilisation, 1)} %</b><span>${t("in use")}</span></div>
        </div>
      <${Chart} label=${t("Completed inspections")} series=${[{ name: t("completed"), unit: "" }]}
        isBars
        data=${[data.breakdown.map((one) => Date.parse(one.start) / 1000), data.breakdown.map((one) => one.completed)]} />
          </div>`}<//></section>`;
}
