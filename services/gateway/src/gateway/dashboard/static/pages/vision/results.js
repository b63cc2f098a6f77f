/** What an inspection found: the measurements, the lists, and the time of each tool. */

import { number } from "../../app/format.js";
import { t } from "../../app/language.js";
import { html } from "../../app/view.js";
import { Icon } from "../../parts/icons.js";

const NO_MEASUREMENT = new Set([
  "tools",
  "timing",
  "overlay",
  "processing_time",
  "confidence_score",
  "index",
  "overlay_artifact",
  "plain_artifact",
  "sources",
]);
const SHOWN_ROWS = 25;

/** A value of a result in words. */
function shown(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return number(value, 3);
  if (typeof value === "boolean")
    return value
      ? html`<span class="ok tone"><${Icon} name="check" /> ${t("yes")}</span>`
      : html`<span class="bad tone"><${Icon} name="close" /> ${t("no")}</span>`;
  if (Array.isArray(value) && value.every((one) => typeof one !== "object"))
    return value.slice(0, 12).map(shown).join(", ");
  return typeof value === "object" ? JSON.stringify(value).slice(0, 160) : String(value);
}

const isTable = (value) =>
  Array.isArray(value) &&
  value.length > 0 &&
  typeof value[0] === "object" &&
  !Array.isArray(value[0]);

/** The measurements of the last tools, then their lists as tables. */
export function Results({ results }) {
  const entries = Object.entries(results ?? {}).filter(([name]) => !NO_MEASUREMENT.has(name));
  const facts = entries.flatMap(([name, value]) =>
    isPlainObject(value)
      ? Object.entries(value).map(([inner, one]) => [`${name}.${inner}`, one])
      : [[name, value]],
  );
  const tables = entries.filter(([, value]) => isTable(value));
  if (!entries.length) return html`<p class="muted">${t("No measurement yet.")}</p>`;
  return html`<dl class="facts">
    ${facts.filter(([, value]) => !isTable(value)).map(([name, value]) => html`<dt>
      ${name.replaceAll("_", " ")}</dt><dd>${shown(value)}</dd>`)}</dl>
    ${tables.map(([name, rows]) => html`<${Rows} key=${name} name=${name} rows=${rows} />`)}`;
}

function isPlainObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function Rows({ name, rows }) {
  const columns = Object.keys(rows[0])
    .filter((column) => typeof rows[0][column] !== "object")
    .slice(0, 8);
  return html`<details open=${rows.length <= SHOWN_ROWS}><summary>
    ${name.replaceAll("_", " ")} (${number(rows.length)})</summary>
    <div class="table-wrap" tabindex="0" role="region" aria-label=${name}><table><thead><tr>
      ${columns.map((column) => html`<th class="num">${column.replaceAll("_", " ")}</th>`)}</tr>
        </thead>
    <tbody>${rows.slice(0, SHOWN_ROWS).map((row, index) => html`<tr key=${index}>
      ${columns.map((column) => html`<td class="num">${shown(row[column])}</td>`)}</tr>`)}</tbody>
        </table></div>
    ${rows.length > SHOWN_ROWS && html`<p class="muted small">
      ${t("and {n} more", { n: rows.length - SHOWN_ROWS })}</p>`}</details>`;
}

/** A bar a tool, as long as it took. */
export function ToolTimes({ tools, order }) {
  const timed = Object.entries(tools ?? {}).filter(([, one]) => typeof one.time_ms === "number");
  const most = Math.max(0.001, ...timed.map(([, one]) => one.time_ms));
  timed.sort(([one], [other]) => order.indexOf(one) - order.indexOf(other));
  return html`<ul class="lines">${timed.map(
    ([id, one]) => html`<li key=${id}><span class="tool-name clip" title=${id}>${id}</span>
    <span class="bar grow"><i style=${{ width: `${(one.time_ms / most) * 100}%` }}></i></span><span
      class="nowrap small">${number(one.time_ms, 2)} ms</span></li>`,
  )}</ul>`;
}
