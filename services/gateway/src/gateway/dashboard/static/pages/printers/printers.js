/** Printers: the wall, one printer, the queue, and how a new one is brought in. */

import { t } from "../../app/language.js";
import { may } from "../../app/session.js";
import { html } from "../../app/view.js";
import { Heading, Tabs } from "../../parts/heading.js";
import { Icon } from "../../parts/icons.js";
import { NewPrinter } from "./onboarding.js";
import { Printer } from "./printer.js";
import { Queue } from "./queue.js";
import { Wall } from "./wall.js";

/** The section's pages by their place. */
export default function Printers({ rest, query }) {
  const [page = "wall"] = rest;
  if (page === "new") return html`<${NewPrinter} />`;
  if (!["wall", "queue"].includes(page)) return html`<${Printer} id=${page} key=${page} />`;
  const tabs = [
    ["wall", t("Wall"), "#/printers"],
    ["queue", t("Queue"), "#/printers/queue"],
  ];
  return html`<${Heading} title=${t("Printers")}>${may("write") && html`<a class="button main"
    href="#/printers/new"><${Icon} name="plus" />${t("Add a printer")}</a>`}<//>
    <${Tabs} at=${page} tabs=${tabs} />${page === "queue" ? html`<${Queue} />` : html`<${Wall}
      query=${query} />`}`;
}
