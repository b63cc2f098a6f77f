/** Log lines of every service, found by filters, and live for the administrator. */

import { timeOfDay } from "../../app/format.js";
import { gathered } from "../../app/gathering.js";
import { t } from "../../app/language.js";
import { useLive } from "../../app/live.js";
import { useResource } from "../../app/resource.js";
import { amend } from "../../app/routing.js";
import { may } from "../../app/session.js";
import { html, useMemo, useState } from "../../app/view.js";
import { Badge } from "../../parts/badge.js";
import { Choice, Field } from "../../parts/fields.js";
import { Empty, Loaded } from "../../parts/states.js";

const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];
const COMPONENTS = [
  "gateway",
  "orchestrator",
  "vision-node",
  "tracking",
  "printers",
  "devices",
  "cluster",
  "mqtt",
];
const MOST = 200;
const KEPT = 500;

/** The filters and the lines. */
export function Logs({ query }) {
  const filter = Object.fromEntries(
    ["level", "component", "q", "request_id"].map((name) => [name, query.get(name) ?? ""]),
  );
  const [isLive, setLive] = useState(false);
  const logs = useResource("/logs", { query: { ...filter, limit: MOST } });
  const set = (name) => (value) => amend({ [name]: value });
  const any = [["", t("any")]];
  return html`<div class="filters" role="search"><${Choice} label=${t("Level")} name="level"
    value=${filter.level} options=${[...any, ...LEVELS.map((one) => [one, one])]}
      onInput=${set("level")} />
      <${Choice} label=${t("Service")} name="component" value=${filter.component}
        options=${[...any, ...COMPONENTS.map((one) => [one, one])]} onInput=${set("component")} />
      <div class="wide"><${Field} label=${t("Text")} name="q" type="search" value=${filter.q}
        onInput=${set("q")} /></div><${Field} label=${t("Request id")} name="request_id"
          value=${filter.request_id} onInput=${set("request_id")} />
      ${may("config") && html`<button class="button" aria-pressed=${isLive}
        onClick=${() => setLive(!isLive)}>${t("Live")}</button>`}<button class="button"
          onClick=${logs.reload}>${t("Look again")}</button></div>
    <section class="card"><${Loaded} of=${logs}>${(data) => html`<${Live}
      key=${JSON.stringify(filter)} isLive=${isLive} filter=${filter} lines=${data.logs} />`}<//>
        </section>`;
}

function Live({ isLive, filter, lines }) {
  const [fresh, setFresh] = useState(/** @type {any[]} */ ([]));
  const path = useMemo(() => `/ws/logs-${crypto.randomUUID().slice(0, 8)}`, []);
  const add = useMemo(
    () =>
      gathered((events) =>
        setFresh((old) =>
          [
            ...events
              .map((event) => event.data)
              .filter((line) => passes(line, filter))
              .reverse(),
            ...old,
          ].slice(0, KEPT),
        ),
      ),
    [],
  );
  useLive(isLive ? path : null, {
    onEvent: (event) => event.type === "log" && add(event),
    withTicket: true,
    greeting: { type: "subscribe", topics: ["logs"] },
  });
  const shown = [...fresh, ...lines];
  if (!shown.length) return html`<${Empty} text=${t("No line like this.")} />`;
  return html`<div class="log" tabindex="0" role="region" aria-label=${t("Logs")}>
    ${shown.map((line, index) => html`<${Line} key=${`${line.timestamp}${index}`} line=${line} />`)}
      </div>`;
}

function passes(line, { level, component, q, request_id: requestId }) {
  return (
    (!level || LEVELS.indexOf(line.level) >= LEVELS.indexOf(level)) &&
    (!component || line.component === component) &&
    (!q || line.message?.includes(q)) &&
    (!requestId || line.request_id === requestId)
  );
}

function Line({ line }) {
  return html`<div class="log-line"><span class="mono muted">${timeOfDay(line.timestamp)}</span>
    <${Badge} state=${line.level} text=${line.level}
      tone=${{ WARNING: "warn", ERROR: "bad", CRITICAL: "bad" }[line.level] ?? "idle"} />
    <span class="muted">${line.component}</span><span class="grow mono">${line.message}</span>
      ${line.request_id && html`<button class="button plain small mono"
        title=${t("All lines of this request")}
          onClick=${() => amend({ request_id: line.request_id })}>${line.request_id.slice(0, 8)}
            </button>`}</div>`;
}
