/** A zone's hours: active, idle and unseen time, and what follows of it. */

import { duration, number, percent } from "../../app/format.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { amend } from "../../app/routing.js";
import { html } from "../../app/view.js";
import { Choice } from "../../parts/fields.js";
import { Empty, Loaded } from "../../parts/states.js";

const EVERY_MS = 15_000;

/** One zone over a day, a week or a month. */
export function Metrics({ query }) {
  const zones = useResource("/api/v1/zones", { query: { active: true } });
  const zone = query.get("zone") ?? zones.data?.zones[0]?.zone_id ?? "";
  const period = query.get("period") ?? "today";
  const metrics = useResource(zone ? `/api/v1/metrics/zone/${encodeURIComponent(zone)}` : null, {
    query: { period },
    everyMs: EVERY_MS,
  });
  const periods = [
    ["today", t("Today")],
    ["week", t("Week")],
    ["month", t("Month")],
  ];
  return html`<${Loaded} of=${zones}>${(data) =>
    data.zones.length
      ? html`<div class="filters">
      <${Choice} label=${t("Zone")} name="zone" value=${zone}
        options=${data.zones.map((one) => [one.zone_id, one.name])}
          onInput=${(value) => amend({ zone: value })} />
      <${Choice} label=${t("Period")} name="period" value=${period} options=${periods}
        onInput=${(value) => amend({ period: value })} /></div>
    <${Loaded} of=${metrics}>${(found) => html`<${Figures} found=${found} />
      ${period !== "today" && found.daily_breakdown?.length ? html`<${Days}
        days=${found.daily_breakdown} />` : html`<${Hours} hours=${found.hourly_breakdown} />`}`}
          <//>`
      : html`<section class="card"><${Empty} icon="floor" text=${t("Draw a zone first.")}><a
        class="button main" href="#/floor">${t("Cameras and zones")}</a><//></section>`}<//>`;
}

function Figures({ found }) {
  const figures = [
    [percent(found.productivity), t("productivity")],
    [duration(found.total_active_seconds), t("active")],
    [duration(found.total_idle_seconds), t("idle")],
    [duration(found.unseen_seconds), t("unseen, counted as neither")],
    [number(found.unique_workers), t("people")],
    [number(found.peak_occupancy), t("most at once")],
  ];
  return html`<section class="card figures">${figures.map(([value, text]) => html`<div
    class="figure" key=${text}><b>${value}</b><span>${text}</span></div>`)}</section>`;
}

function Hours({ hours }) {
  const most = Math.max(
    1,
    ...hours.map((one) => one.active_seconds + one.idle_seconds + (one.unseen_seconds ?? 0)),
  );
  return html`<section class="card spaced"><header><h2>${t("By the hour")}</h2></header><${Bars}
    rows=${hours.map((one) => ({ name: one.hour, active: one.active_seconds, idle: one.idle_seconds, unseen: one.unseen_seconds ?? 0, share: one.productivity }))}
      most=${most} /></section>`;
}

function Days({ days }) {
  const rows = days.map((one) => ({
    name: one.date,
    active: one.active_hours * 3600,
    idle: one.idle_hours * 3600,
    unseen: (one.unseen_hours ?? 0) * 3600,
    share: one.productivity,
  }));
  return html`<section class="card spaced"><header><h2>${t("By day")}</h2></header><${Bars}
    rows=${rows} most=${Math.max(1, ...rows.map((one) => one.active + one.idle + one.unseen))} />
      </section>`;
}

function Bars({ rows, most }) {
  const part = (seconds) => ({ width: `${(seconds / most) * 100}%` });
  return html`<ul class="hour-bars">${rows.map(
    (row) => html`<li key=${row.name}><span class="mono">${row.name}</span>
    <div class="strip" role="img"
      aria-label=${t("{active} active, {idle} idle, {unseen} unseen", { active: duration(row.active), idle: duration(row.idle), unseen: duration(row.unseen) })}>
      <i class="active" style=${part(row.active)}></i><i class="idle" style=${part(row.idle)}></i><i
        class="unseen" style=${part(row.unseen)}></i></div>
    <span class="nowrap">${percent(row.share)}</span></li>`,
  )}</ul>`;
}
