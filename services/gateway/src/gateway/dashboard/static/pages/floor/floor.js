/** The floor: cameras with zones, who is where, how the day goes, what is wrong, and questions. */

import { t } from "../../app/language.js";
import { html } from "../../app/view.js";
import { Heading, Tabs } from "../../parts/heading.js";
import { Alerts } from "./alerts.js";
import { Ask } from "./ask.js";
import { Cameras } from "./cameras.js";
import { Metrics } from "./metrics.js";
import { People } from "./people.js";
import { Report } from "./report.js";
import { Sessions } from "./sessions.js";

/** The section's pages by their place. */
export default function Floor({ rest, query }) {
  const [page = "cameras", id] = rest;
  const pages = {
    cameras: Cameras,
    sessions: Sessions,
    metrics: Metrics,
    alerts: Alerts,
    people: People,
    report: Report,
    ask: Ask,
  };
  const tabs = [
    ["cameras", t("Cameras and zones"), "#/floor"],
    ["sessions", t("Sessions"), "#/floor/sessions"],
    ["metrics", t("By the hour"), "#/floor/metrics"],
    ["alerts", t("Alerts"), "#/floor/alerts"],
    ["people", t("Workers"), "#/floor/people"],
    ["report", t("Daily report"), "#/floor/report"],
    ["ask", t("Ask"), "#/floor/ask"],
  ];
  const Page = pages[page] ?? Cameras;
  return html`<${Heading} title=${t("Floor")} /><${Tabs} at=${page in pages ? page : "cameras"}
    tabs=${tabs} /><${Page} id=${id} query=${query} />`;
}
