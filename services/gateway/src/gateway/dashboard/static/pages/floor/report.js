/** The daily report, to read here and to take away as PDF or CSV. */

import { number, percent } from "../../app/format.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { amend } from "../../app/routing.js";
import { may, timezone } from "../../app/session.js";
import { html } from "../../app/view.js";
import { Field } from "../../parts/fields.js";
import { Icon } from "../../parts/icons.js";
import { Empty, Loaded } from "../../parts/states.js";

/** The report of one day. */
export function Report({ query }) {
  const today = new Intl.DateTimeFormat("sv-SE", { timeZone: timezone.value }).format(new Date());
  const date = query.get("date") ?? today;
  const report = useResource(may("view_reports") ? "/api/v1/reports/daily" : null, {
    query: { date, format: "json" },
  });
  const file = (format) => `/api/v1/reports/daily/export?${new URLSearchParams({ date, format })}`;
  if (!may("view_reports")) return html`<${Empty} text=${t("You may not see this.")} />`;
  return html`<div class="filters"><${Field} label=${t("Day")} name="date" type="date" value=${date}
    max=${today} onInput=${(value) => amend({ date: value })} />
      <a class="button main" href=${file("pdf")} download><${Icon} name="down" />PDF</a><a
        class="button" href=${file("csv")} download><${Icon} name="down" />CSV</a></div>
    <${Loaded} of=${report}>${(data) => html`<${Summary} summary=${data.summary} />
      <div class="grid cols-2 spaced"><${Zones} zones=${data.zones} /><${Best}
        people=${data.top_performers} /></div><${Issues} issues=${data.issues} />`}<//>`;
}

function Summary({ summary }) {
  const figures = [
    [percent(summary.overall_productivity), t("productivity")],
    [number(summary.total_active_hours, 1), t("hours active")],
    [number(summary.total_idle_hours, 1), t("hours idle")],
    [number(summary.total_workers), t("people")],
    [`${number(summary.completed_indices)}/${number(summary.total_indices)}`, t("indices")],
    [number(summary.alerts_count), t("alerts")],
    [number(summary.anomalies_count), t("anomalies")],
  ];
  return html`<section class="card figures">${figures.map(([value, text]) => html`<div
    class="figure" key=${text}><b>${value}</b><span>${text}</span></div>`)}</section>`;
}

function Zones({ zones }) {
  return html`<section class="card"><header><h2>${t("Zones")}</h2></header><table><thead><tr><th>
    ${t("Zone")}</th><th class="num">${t("Active")}</th><th class="num">${t("Idle")}</th><th
      class="num">${t("Productivity")}</th></tr></thead>
    <tbody>${zones.map((one) => html`<tr key=${one.zone_id}><td>${one.zone_name}</td><td
      class="num">${number(one.active_hours, 2)} h</td><td class="num">
        ${number(one.idle_hours, 2)} h</td><td class="num">${percent(one.productivity)}</td></tr>`)}
          </tbody></table></section>`;
}

function Best({ people }) {
  return html`<section class="card"><header><h2>${t("Most productive")}</h2></header>${
    people.length
      ? html`<ul class="lines">${people.map((one) => html`<li key=${one.worker_id}><span
        class="grow clip">${one.worker_name}</span><span>${percent(one.productivity)}</span></li>`)}
          </ul>`
      : html`<p class="muted">${t("Nobody worked on this day.")}</p>`
  }</section>`;
}

function Issues({ issues }) {
  if (!issues?.length) return null;
  return html`<section class="card spaced"><header><h2>${t("Issues")}</h2></header><ul
    class="lines">${issues.map((one, index) => html`<li key=${index}>
      ${typeof one === "string" ? one : (one.description ?? one.message)}</li>`)}</ul></section>`;
}
