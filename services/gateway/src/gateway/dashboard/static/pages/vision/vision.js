/** Vision: machines, inspections, one inspection live, and the pipeline editor. */

import { t } from "../../app/language.js";
import { html } from "../../app/view.js";
import { Heading, Tabs } from "../../parts/heading.js";
import { Editor } from "./editor.js";
import { Inspection } from "./inspection.js";
import { Inspections } from "./inspections.js";
import { Machine } from "./machine.js";
import { Machines } from "./machines.js";

/** The section's pages by their place. */
export default function Vision({ rest, query }) {
  const [page = "inspections", id] = rest;
  if (page === "machines" && id) return html`<${Machine} id=${id} />`;
  if (page === "inspections" && id) return html`<${Inspection} id=${id} key=${id} />`;
  const tabs = [
    ["inspections", t("Inspections"), "#/vision/inspections"],
    ["machines", t("Machines"), "#/vision/machines"],
    ["editor", t("Pipeline editor"), "#/vision/editor"],
  ];
  const pages = { inspections: Inspections, machines: Machines, editor: Editor };
  const Page = pages[page] ?? Inspections;
  return html`<${Heading} title=${t("Vision")} /><${Tabs} at=${page} tabs=${tabs} /><${Page}
    query=${query} />`;
}
