/** Every service with its replicas, every host with its load. */

import { bytes, duration, number } from "../../app/format.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { html, useMemo, useState } from "../../app/view.js";
import { Badge } from "../../parts/badge.js";
import { Chart } from "../../parts/chart.js";
import { Choice } from "../../parts/fields.js";
import { Loaded } from "../../parts/states.js";

const STATUS_MS = 5000;
const HISTORY_MS = 15_000;
const POINTS = 400;

/** Services, then hosts over time. */
export function Status() {
  const status = useResource("/cluster/status", { everyMs: STATUS_MS });
  return html`<${Loaded} of=${status}>${(data) => html`<div class="stack">
    <section class="card figures"><div class="figure"><b><${Badge} state=${data.status} /></b><span>
      ${t("the mesh")}</span></div>
      ${[
        [`${number(data.cpu)} %`, t("processor")],
        [`${number(data.memory)} %`, t("memory")],
        [`${number(data.disk)} %`, t("disk")],
        [number(data.performance?.requests_per_second, 1), t("requests a second")],
        [`${number(data.performance?.average_latency_ms, 1)} ms`, t("mean latency")],
        [`${number((data.performance?.error_rate ?? 0) * 100, 2)} %`, t("errors")],
      ].map(
        ([value, text]) =>
          html`<div class="figure" key=${text}><b>${value}</b><span>${text}</span></div>`,
      )}</section>
    <${Services} services=${data.services} /></div>`}<//><${Hosts} />`;
}

function Services({ services }) {
  return html`<section class="card"><header><h2>${t("Services")}</h2></header><div
    class="table-wrap" tabindex="0" role="region" aria-label=${t("Services")}><table>
    <thead><tr><th>${t("Service")}</th><th>${t("State")}</th><th>${t("Version")}</th><th
      class="num">${t("Latency")}</th><th class="num">${t("Requests a second")}</th><th class="num">
        ${t("Replicas")}</th><th class="num">${t("Up for")}</th></tr></thead>
    <tbody>${Object.entries(services).map(
      ([
        name,
        one,
      ]) => html`<tr key=${name}><td><b>${name}</b>${troubles(one).map((text) => html`<div
        class="small bad tone">${text}</div>`)}</td><td><${Badge} state=${one.status ?? one} /></td>
          <td>${one.version ?? "–"}</td>
      <td class="num">${one.latency_ms == null ? "–" : `${number(one.latency_ms, 1)} ms`}</td><td
        class="num">${number(rate(one), 1)}</td><td class="num">${number(one.replicas?.length)}</td>
          <td class="num nowrap">${duration(one.uptime_seconds)}</td></tr>`,
    )}</tbody></table></div></section>`;
}

function troubles(service) {
  return [...new Set((service.replicas ?? []).flatMap((one) => one.troubles ?? []))];
}

function rate(service) {
  return (service.replicas ?? []).reduce((sum, one) => sum + (one.requests_per_second ?? 0), 0);
}

function Hosts() {
  const [minutes, setMinutes] = useState("60");
  const history = useResource("/metrics/system", {
    query: { minutes, limit: POINTS },
    everyMs: HISTORY_MS,
  });
  const ranges = [
    ["60", t("Last hour")],
    ["360", t("Last six hours")],
    ["1440", t("Last day")],
    ["10080", t("Last week")],
  ];
  return html`<section class="card spaced"><header><h2>${t("Hosts")}</h2><${Choice}
    label=${t("Range")} name="minutes" value=${minutes} options=${ranges} onInput=${setMinutes} />
      </header>
    <${Loaded} of=${history}>${(samples) => html`<div class="stack">
      ${[...new Set(samples.map((one) => one.node))].map((node) => html`<${Host} key=${node}
        node=${node} samples=${samples} />`)}</div>`}<//></section>`;
}

function Host({ node, samples }) {
  const own = useMemo(() => samples.filter((one) => one.node === node), [samples]);
  const data = useMemo(
    () => [
      own.map((one) => Date.parse(one.timestamp) / 1000),
      ...["cpu_percent", "memory_percent", "disk_percent"].map((name) =>
        own.map((one) => one[name]),
      ),
    ],
    [own],
  );
  const last = own.at(-1);
  const series = [
    { name: t("processor"), unit: "%", ink: "--accent" },
    { name: t("memory"), unit: "%", ink: "--warn" },
    { name: t("disk"), unit: "%", ink: "--idle" },
  ];
  return html`<div><div class="row spread"><h3>${node}</h3><span class="small muted">
    ${t("load {load}", { load: number(last.load_average?.[0], 2) })} · ${t("sent {sent}, received {received}", { sent: bytes(last.network_bytes_sent), received: bytes(last.network_bytes_recv) })}
      </span></div>
    <${Chart} label=${node} series=${series} data=${data} height=${200} /></div>`;
}
