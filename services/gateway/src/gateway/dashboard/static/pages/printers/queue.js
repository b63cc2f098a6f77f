/** What waits to be printed. */

import { api } from "../../app/api.js";
import { dateTime } from "../../app/format.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { may } from "../../app/session.js";
import { attempt } from "../../app/toasts.js";
import { html, useState } from "../../app/view.js";
import { Badge } from "../../parts/badge.js";
import { Choice, Field } from "../../parts/fields.js";
import { Icon } from "../../parts/icons.js";
import { Pager } from "../../parts/pager.js";
import { Empty, Loaded } from "../../parts/states.js";

const SIZE = 20;
const EVERY_MS = 15_000;

/** The queue, and a form to add to it. */
export function Queue() {
  const [page, setPage] = useState(1);
  const [onlyWaiting, setOnlyWaiting] = useState(true);
  const queue = useResource("/api/print-queue", {
    query: { page, page_size: SIZE, waiting: onlyWaiting ? true : "" },
    everyMs: EVERY_MS,
  });
  const remove = (id) =>
    attempt(async () => {
      await api(`/api/print-queue/${id}`, { method: "DELETE" });
      await queue.reload();
    }, t("Removed."));
  return html`${may("write") && html`<${NewItem} onMade=${queue.reload} />`}
    <section class="card spaced"><header><h2>${t("Queue")}</h2><label class="row tight"><input
      type="checkbox" checked=${onlyWaiting} onChange=${(
      event,
    ) => {
      setOnlyWaiting(event.currentTarget.checked);
      setPage(1);
    }} />${t("Only what waits")}</label></header>
      <${Loaded} of=${queue}>${(data) => html`${
        data.count
          ? html`<div class="table-wrap" tabindex="0" role="region" aria-label=${t("Queue")}><table>
        <thead><tr><th>#</th><th>${t("Product")}</th><th>${t("File")}</th><th>${t("Printer")}</th>
          <th>${t("State")}</th><th>${t("Added")}</th><th><span class="hidden-text">${t("Actions")}
            </span></th></tr></thead>
        <tbody>${data.results.map(
          (
            item,
          ) => html`<tr key=${item.id}><td>${item.id}</td><td>${item.product_name}</td><td
            class="mono">${item.model_file}</td><td>${item.printer_id ?? "–"}</td>
          <td><${Badge} state=${item.status ?? "waiting"} /></td><td class="nowrap">
            ${dateTime(item.created_at_utc)}</td>
          <td class="num">${may("write") && !item.print_status_id && html`<button
            class="button plain small" aria-label=${t("Remove {what}", { what: item.product_name })}
              onClick=${() => remove(item.id)}><${Icon} name="trash" /></button>`}</td></tr>`,
        )}</tbody></table></div>`
          : html`<${Empty} icon="printers" text=${t("Nothing waits to be printed.")} />`
      }
        <${Pager} page=${page} count=${data.count} size=${SIZE} onPage=${setPage} />`}<//>
          </section>`;
}

function NewItem({ onMade }) {
  const [item, setItem] = useState({ product_name: "", model_file: "", printer_id: "" });
  const printers = useResource("/api/printers", { query: { page_size: 100 } });
  const set = (name) => (value) => setItem((old) => ({ ...old, [name]: value }));
  const submit = async (event) => {
    event.preventDefault();
    const body = { ...item, printer_id: item.printer_id || null };
    const made = await attempt(
      () => api("/api/print-queue", { method: "POST", body }),
      t("Added."),
    );
    if (!made) return;
    setItem({ product_name: "", model_file: "", printer_id: "" });
    onMade();
  };
  return html`<form class="filters" onSubmit=${submit}>
    <${Field} label=${t("Product")} name="product" value=${item.product_name}
      onInput=${set("product_name")} required />
    <${Field} label=${t("File")} name="file" value=${item.model_file} onInput=${set("model_file")}
      required />
    <${Choice} label=${t("Printer")} name="printer" value=${item.printer_id}
      onInput=${set("printer_id")}
        options=${[["", t("any")], ...(printers.data?.results ?? []).map((one) => [one.printer_id, one.name])]} />
    <button class="button main"><${Icon} name="plus" />${t("Add")}</button></form>`;
}
