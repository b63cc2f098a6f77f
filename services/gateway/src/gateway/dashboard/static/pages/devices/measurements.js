/** A metric over time: one point a pixel, with the least and the most of what each stands for. */

import { number } from "../../app/format.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { html, useEffect, useMemo, useRef, useState } from "../../app/view.js";
import { Chart } from "../../parts/chart.js";
import { Choice, Field } from "../../parts/fields.js";
import { Icon } from "../../parts/icons.js";
import { Empty, Loaded } from "../../parts/states.js";

const MARGINS = 90;
const LEAST_WIDTH = 100;
const REFRESH_MS = 5000;
const HEIGHT = 320;
const PERIODS = { hour: 3600, "6h": 21_600, day: 86_400, week: 604_800, month: 2_592_000 };

/** Chart, range and file of one device. */
export function Measurements({ id, values }) {
  const metrics = Object.keys(values);
  const [chosen, setChosen] = useState("");
  const [period, setPeriod] = useState("hour");
  const [custom, setCustom] = useState(/** @type {[number, number] | null} */ (null));
  const metric = chosen || metrics[0];
  const shown = custom && {
    start: new Date(custom[0] * 1000).toISOString(),
    end: new Date(custom[1] * 1000).toISOString(),
  };
  const periods = [
    ["hour", t("Last hour")],
    ["6h", t("Last six hours")],
    ["day", t("Last day")],
    ["week", t("Last week")],
    ["month", t("Last month")],
    ...(custom ? [["custom", t("Chosen range")]] : []),
  ];
  const choose = (value) => {
    if (value === "custom") return;
    setPeriod(value);
    setCustom(null);
  };
  return html`<section class="card"><header><h2>${t("Over time")}</h2>
      ${metric && html`<a class="button small" href=${csvAddress(id, metric, shown, period)}
        download><${Icon} name="down" />CSV</a>`}</header>
    <div class="filters close"><${Choice} label=${t("Metric")} name="metric" value=${metric ?? ""}
      options=${metrics.map((one) => [one, one])} onInput=${setChosen} />
      <${Choice} label=${t("Range")} name="period" value=${custom ? "custom" : period}
        options=${periods} onInput=${choose} />
      <${Moments} custom=${custom} period=${period} onChange=${setCustom} /></div>
    ${metric ? html`<${Curve} key="${metric}" id=${id} metric=${metric} period=${period}
      shown=${shown} onRange=${(from, to) => setCustom([from, to])} />` : html`<${Empty}
        icon="clock" text=${t("No readings to draw.")} />`}
    <p class="muted small">${t("Drag over the chart to look closer.")}</p></section>`;
}

function csvAddress(id, metric, shown, period) {
  const start = shown?.start ?? new Date(Date.now() - PERIODS[period] * 1000).toISOString();
  return `/api/devices/${id}/measurements.csv?${new URLSearchParams({ metric, start, ...(shown ? { end: shown.end } : {}) })}`;
}

/** From and to as a person types them, in the browser's own zone. */
function Moments({ custom, period, onChange }) {
  const now = Date.now() / 1000;
  const [from, to] = custom ?? [now - PERIODS[period], now];
  const local = (seconds) =>
    new Date((seconds - new Date(seconds * 1000).getTimezoneOffset() * 60) * 1000)
      .toISOString()
      .slice(0, 16);
  const set = (place) => (text) => {
    const moment = Date.parse(text) / 1000;
    const next = place === 0 ? [moment, to] : [from, moment];
    if (Number.isFinite(moment) && next[0] < next[1])
      onChange(/** @type {[number, number]} */ (next));
  };
  return html`<${Field} label=${t("From")} name="from" type="datetime-local" value=${local(from)}
    onInput=${set(0)} />
    <${Field} label=${t("To")} name="to" type="datetime-local" value=${local(to)}
      onInput=${set(1)} />`;
}

function Curve({ id, metric, period, shown, onRange }) {
  const holder = useRef(/** @type {any} */ (null));
  const [width, setWidth] = useState(0);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    setWidth(Math.max(LEAST_WIDTH, Math.round(holder.current.clientWidth - MARGINS)));
  }, []);
  useEffect(() => {
    setNow(Date.now());
    if (shown) return undefined;
    const timer = setInterval(() => document.hidden || setNow(Date.now()), REFRESH_MS);
    return () => clearInterval(timer);
  }, [Boolean(shown), period]);
  const start = shown?.start ?? new Date(now - PERIODS[period] * 1000).toISOString();
  const query = { metric, width, start, end: shown?.end };
  const kept = useRef(/** @type {any} */ (null));
  const found = useResource(width ? `/api/devices/${id}/measurements/` : null, { query });
  if (found.data) kept.current = found.data;
  const data = kept.current;
  const range = useMemo(
    () => [Date.parse(start) / 1000, shown ? Date.parse(shown.end) / 1000 : now / 1000],
    [start, shown?.end, now],
  );
  const columns = useMemo(() => data && columnsOf(data.points), [data]);
  return html`<div ref=${holder}>${columns ? html`<${Plot} metric=${metric} data=${data}
    columns=${columns} range=${range} onRange=${onRange} />` : html`<${Loaded} of=${found}>
      ${() => null}<//>`}</div>`;
}

function columnsOf(points) {
  return [
    points.map((one) => Date.parse(one.bucket) / 1000),
    ...["mean", "max", "min"].map((name) => points.map((one) => one[name])),
  ];
}

function Plot({ metric, data, columns, range, onRange }) {
  const { unit, points } = data;
  if (!points.length)
    return html`<${Empty} icon="clock" text=${t("No readings in this range.")} />`;
  const series = [
    { name: t("mean"), unit },
    { name: t("most"), unit, isEdge: true, ink: "--accent" },
    { name: t("least"), unit, isEdge: true, ink: "--accent" },
  ];
  const count = points.reduce((sum, one) => sum + one.count, 0);
  return html`<${Chart} label=${metric} series=${series} bands=${[[2, 3]]} data=${columns}
    height=${HEIGHT} range=${range} onRange=${onRange} />
    <p class="muted small">
      ${t("{points} points of {seconds} s out of {count} readings", { points: number(points.length), seconds: number(data.bucket_seconds), count: number(count) })}
        </p>`;
}
