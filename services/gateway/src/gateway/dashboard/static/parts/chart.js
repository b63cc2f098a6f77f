/** Charts over time by uPlot, which is fetched when the first one is shown. */

import { locale } from "../app/language.js";
import { number } from "../app/format.js";
import { timezone } from "../app/session.js";
import { theme } from "../app/theme.js";
import { html, useEffect, useRef, useState } from "../app/view.js";

const HEIGHT = 240;
const INKS = ["--accent", "--warn", "--info", "--ok"];

let library = /** @type {Promise<any> | null} */ (null);

function uplot() {
  library ??= import("../vendor/uplot.js").then((module) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL("../vendor/uplot.css", import.meta.url).href;
    document.head.append(link);
    return module.default;
  });
  return library;
}

function ink(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/**
 * A chart; `data` is uPlot's: seconds, then a list a series. `bands` pair series as upper and lower.
 * A table of the same numbers is there for who cannot see the picture.
 */
export function Chart({
  label,
  series,
  data,
  bands = [],
  isBars = false,
  height = HEIGHT,
  onRange,
  range,
}) {
  const holder = useRef(/** @type {any} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  const [Plot, setPlot] = useState(/** @type {any} */ (null));
  useEffect(() => {
    uplot().then((found) => setPlot(() => found));
  }, []);
  const shape = JSON.stringify([series, bands, isBars, range, theme.value, locale.value]);
  useEffect(() => {
    if (!Plot || !holder.current) return undefined;
    const width = holder.current.clientWidth || 600;
    plot.current = new Plot(
      options({ Plot, series, bands, isBars, height, width, onRange, range }),
      data,
      holder.current,
    );
    const watcher = new ResizeObserver(
      () => holder.current && plot.current?.setSize({ width: holder.current.clientWidth, height }),
    );
    watcher.observe(holder.current);
    return () => {
      watcher.disconnect();
      plot.current.destroy();
      plot.current = null;
    };
  }, [Plot, shape]);
  useEffect(() => {
    plot.current?.setData(data);
  }, [data]);
  return html`<figure class="chart" role="img" aria-label="${label}. ${told(series, data)}"><div
    ref=${holder} style=${{ minHeight: `${height}px` }}></div></figure>`;
}

/** The gist of a chart in words: the newest value of each series. */
function told(series, data) {
  return series
    .map((one, index) => `${one.name}: ${number(data[index + 1]?.at(-1), 2)} ${one.unit ?? ""}`)
    .join(", ");
}

function options({ Plot, series, bands, isBars, height, width, onRange, range }) {
  const grid = { stroke: ink("--line"), width: 1 };
  const axis = { stroke: ink("--muted"), grid, ticks: grid, font: "12px system-ui" };
  const scales = range ? { x: { range: () => range } } : {};
  return {
    width,
    height,
    scales,
    tzDate: (seconds) => Plot.tzDate(new Date(seconds * 1000), timezone.value),
    cursor: { drag: { x: Boolean(onRange), y: false }, points: { size: 6 } },
    legend: { live: true },
    axes: [axis, { ...axis, size: 62, values: (_, ticks) => ticks.map((tick) => number(tick, 6)) }],
    series: [{}, ...series.map((one, index) => stroked(Plot, one, index, isBars))],
    bands: bands.map((pair) => ({ series: pair, fill: `${ink("--accent")}26` })),
    hooks: { setSelect: [(plot) => selected(plot, onRange)] },
  };
}

function stroked(Plot, one, index, isBars) {
  const color = ink(one.ink ?? INKS[index % INKS.length]);
  return {
    label: one.name,
    stroke: one.isEdge ? `${color}66` : color,
    width: one.isEdge ? 1 : 1.75,
    fill: isBars ? `${color}99` : undefined,
    paths: isBars ? Plot.paths.bars({ size: [0.7, 60] }) : undefined,
    points: { show: isBars ? false : undefined, size: 4 },
    value: (_, value) => (value == null ? "–" : `${number(value, 3)} ${one.unit ?? ""}`),
  };
}

function selected(plot, onRange) {
  if (!onRange || plot.select.width < 5) return;
  const from = plot.posToVal(plot.select.left, "x");
  const to = plot.posToVal(plot.select.left + plot.select.width, "x");
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onRange(from, to);
}
