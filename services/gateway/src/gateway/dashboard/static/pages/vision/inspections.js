/** Inspections, newest first, with filters that live in the address. */

import { dateTime, number } from "../../app/format.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { amend } from "../../app/routing.js";
import { may } from "../../app/session.js";
import { html } from "../../app/view.js";
import { Badge } from "../../parts/badge.js";
import { Choice, Field } from "../../parts/fields.js";
import { Icon } from "../../parts/icons.js";
import { Pager } from "../../parts/pager.js";
import { Empty, Loaded } from "../../parts/states.js";

const SIZE = 20;
const EVERY_MS = 15_000;
const STATES = ["pending", "assigned", "processing", "completed", "failed", "cancelled"];

/** The list. */
export function Inspections({ query }) {
  const page = Number(query.get("page") ?? 1);
  const filters = Object.fromEntries(
    ["status", "machine_id", "inspection_type"].map((name) => [name, query.get(name) ?? ""]),
  );
  const since = query.get("since");
  const found = useResource("/api/v1/inspections/", {
    query: {
      ...filters,
      created_after: since ? new Date(since).toISOString() : "",
      page,
      page_size: SIZE,
    },
    everyMs: EVERY_MS,
  });
  return html`<${Filters} filters=${filters} since=${since} />
    <section class="card"><${Loaded} of=${found}>${(data) => html`
      ${
        data.count
          ? html`<${List} rows=${data.results} />`
          : html`<${Empty} icon="vision" text=${t("No inspection like this.")}>
        ${may("write") && html`<a class="button main" href="#/vision/editor">
          ${t("Build a pipeline")}</a>`}<//>`
      }
      <${Pager} page=${page} count=${data.count} size=${SIZE}
        onPage=${(to) => amend({ page: String(to) })} />`}<//></section>`;
}

function Filters({ filters, since }) {
  const machines = useResource("/api/v1/machines/", { query: { page_size: 100 } });
  const any = [["", t("any")]];
  const set = (name) => (value) => amend({ [name]: value, page: null });
  return html`<div class="filters" role="search">
    <${Choice} label=${t("State")} name="status" value=${filters.status} onInput=${set("status")}
      options=${[...any, ...STATES.map((state) => [state, t(state)])]} />
    <${Choice} label=${t("Machine")} name="machine" value=${filters.machine_id}
      onInput=${set("machine_id")}
      options=${[...any, ...(machines.data?.results ?? []).map((one) => [one.id, one.name])]} />
    <${Field} label=${t("Type")} name="type" value=${filters.inspection_type}
      onInput=${set("inspection_type")} />
    <${Field} label=${t("Made since")} name="since" type="datetime-local" value=${since ?? ""}
      onInput=${set("since")} />
    ${may("write") && html`<a class="button main" href="#/vision/editor"><${Icon} name="plus" />
      ${t("New inspection")}</a>`}
  </div>`;
}

function List({ rows }) {
  return html`<div class="table-wrap" tabindex="0" role="region" aria-label=${t("Inspections")}>
    <table>
    <thead><tr><th>${t("Name")}</th><th>${t("State")}</th><th>${t("Type")}</th><th>${t("Result")}
      </th><th class="num">${t("Time")}</th><th>${t("Made")}</th></tr></thead>
    <tbody>${rows.map(
      (row) => html`<tr key=${row.id}>
      <td><a href="#/vision/inspections/${row.id}">${row.name}</a>${row.is_continuous && html` <span
        class="muted small">${t("stream")}</span>`}</td>
      <td><${Badge} state=${row.status} /></td><td>${row.inspection_type}</td>
      <td class="small">${gist(row)}</td>
      <td class="num nowrap">
        ${row.results?.processing_time != null ? `${number(row.results.processing_time * 1000, 1)} ms` : "–"}
          </td>
      <td class="nowrap">${dateTime(row.created_at)}</td></tr>`,
    )}</tbody></table></div>`;
}

/** The first measurements of a result, in a few words. */
function gist(row) {
  if (row.error_message) return row.error_message.slice(0, 80);
  const plain = Object.entries(row.results ?? {}).filter(
    ([name, value]) =>
      ["number", "boolean", "string"].includes(typeof value) &&
      !["processing_time", "confidence_score"].includes(name),
  );
  return plain
    .slice(0, 3)
    .map(([name, value]) => `${name} ${typeof value === "number" ? number(value, 3) : value}`)
    .join(" · ");
}
