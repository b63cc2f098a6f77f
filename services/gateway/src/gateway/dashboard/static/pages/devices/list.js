/** The devices, with search, state and whether they are heard. */

import { number } from "../../app/format.js";
import { gathered } from "../../app/gathering.js";
import { t } from "../../app/language.js";
import { useLive } from "../../app/live.js";
import { useResource } from "../../app/resource.js";
import { amend } from "../../app/routing.js";
import { may } from "../../app/session.js";
import { html, useMemo, useState } from "../../app/view.js";
import { Ago } from "../../parts/ages.js";
import { Badge } from "../../parts/badge.js";
import { Choice, Field } from "../../parts/fields.js";
import { Heading } from "../../parts/heading.js";
import { Icon } from "../../parts/icons.js";
import { Pager } from "../../parts/pager.js";
import { Empty, Fresh, Loaded } from "../../parts/states.js";

const SIZE = 50;
const EVERY_MS = 30_000;
const STATES = ["active", "inactive", "maintenance", "error"];
const SHOWN_METRICS = 3;

/** The list, with each device's newest values as they come. */
export function DeviceList({ query }) {
  const page = Number(query.get("page") ?? 1);
  const [search, status] = [query.get("search") ?? "", query.get("status") ?? ""];
  const devices = useResource("/api/devices/", {
    query: { search, status, page, page_size: SIZE },
    everyMs: EVERY_MS,
  });
  const [newest, setNewest] = useState(/** @type {Record<string, any>} */ ({}));
  const add = useMemo(
    () => gathered((events) => setNewest((known) => events.reduce(withReadings, known))),
    [],
  );
  const state = useLive("/ws/devices", {
    onEvent: (event) => {
      if (event.type === "device_readings") add(event);
      else if (event.type.startsWith("device_")) devices.reload();
    },
    onResync: devices.reload,
  });
  return html`<${Heading} title=${t("Devices")}>${may("write") && html`<a class="button main"
    href="#/devices/new"><${Icon} name="plus" />${t("Add a device")}</a>`}<//>
    <div class="filters" role="search"><div class="wide"><${Field} label=${t("Search")}
      name="search" type="search" value=${search}
        onInput=${(value) => amend({ search: value, page: null })} /></div>
      <${Choice} label=${t("State")} name="status" value=${status}
        options=${[["", t("any")], ...STATES.map((one) => [one, t(one)])]}
          onInput=${(value) => amend({ status: value, page: null })} /></div>
    <${Fresh} live=${state === "live"}><section class="card"><${Loaded} of=${devices}>${(
      data,
    ) => html`${
      data.count
        ? html`<${Table} rows=${data.results} newest=${newest} />`
        : html`<${Empty} icon="devices"
          text=${search || status ? t("No device like this.") : t("No device yet.")}>
            ${may("write") && html`<a class="button main" href="#/devices/new">${t("Add a device")}
              </a>`}<//>`
    }
      <${Pager} page=${page} count=${data.count} size=${SIZE}
        onPage=${(to) => amend({ page: String(to) })} />`}<//></section><//>`;
}

function withReadings(known, { data, timestamp }) {
  const old = known[data.device_id]?.values ?? {};
  const values = { ...old, ...Object.fromEntries(data.readings.map((one) => [one.metric, one])) };
  return { ...known, [data.device_id]: { values, at: timestamp } };
}

function Table({ rows, newest }) {
  return html`<div class="table-wrap" tabindex="0" role="region" aria-label=${t("Devices")}><table>
    <thead><tr><th>${t("Name")}</th><th>${t("Heard")}</th><th>${t("State")}</th><th>
      ${t("Newest values")}</th><th>${t("Last heard")}</th></tr></thead>
    <tbody>${rows.map((row) => {
      const live = newest[row.id];
      return html`<tr key=${row.id}><td><a href="#/devices/${row.id}">${row.name}</a>
        ${row.description && html`<div class="small muted clip short">${row.description}</div>`}
          </td>
        <td><${Badge} state=${live ? "online" : row.connectivity} /></td><td><${Badge}
          state=${row.status} /></td>
        <td class="small">${
          live
            ? Object.values(live.values)
                .slice(0, SHOWN_METRICS)
                .map(
                  (one) =>
                    html`<span class="value" key=${one.metric}>${one.metric} <b>
                      ${number(one.value, 2)}</b> ${one.unit}</span>`,
                )
            : html`<span class="muted">–</span>`
        }</td>
        <td class="nowrap"><${Ago} at=${live?.at ?? row.last_seen_at} /></td></tr>`;
    })}</tbody></table></div>`;
}
