/** What a person should look at, the worst first, each cause once. */

import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { html } from "../../app/view.js";
import { Ago } from "../../parts/ages.js";
import { Badge } from "../../parts/badge.js";
import { Icon } from "../../parts/icons.js";

const ALERTS_MS = 5000;
const SHOWN = 12;
const WEIGHT = { critical: 0, warning: 1, info: 2 };
const PAGES = {
  tracking: "#/floor/alerts",
  printers: "#/printers",
  devices: "#/devices",
  orchestrator: "#/vision/machines",
  cluster: "#/cluster",
};

/** The card at the top. */
export function Attention({ health, factory }) {
  const alerts = useResource("/alerts", { everyMs: ALERTS_MS });
  const open = (alerts.data ?? []).filter((alert) => !alert.resolved);
  const items = [
    ...down(health),
    ...open.map(asItem),
    ...silentPrinters(factory.printers, open),
  ].sort((one, other) => WEIGHT[one.severity] - WEIGHT[other.severity]);
  const worst = items[0]?.severity;
  return html`<section class="card ${worst === "critical" ? "bad" : worst ? "warn" : ""}"
    aria-labelledby="attention-title">
    <header><h2 id="attention-title">${t("Needs attention")}</h2><span class="muted">
      ${items.length || ""}</span></header>
    ${
      items.length
        ? html`<ul class="attention">${items.slice(0, SHOWN).map(
            (item) => html`<li key=${item.key}>
      <${Badge} state=${item.severity} /><span class="grow">${item.text}</span>
      <span class="muted small">${item.source}${item.at && html` · <${Ago} at=${item.at} />`}</span>
      <a class="button small" href=${item.href}
        aria-label=${t("Look at: {what}", { what: item.text })}>${t("Look")}</a></li>`,
          )}</ul>
      ${items.length > SHOWN && html`<p class="muted">
        ${t("and {n} more", { n: items.length - SHOWN })}</p>`}`
        : html`<p class="row ok tone"><${Icon} name="check" />
          ${alerts.error ? t("No service is down; alerts cannot be read right now.") : t("Nothing needs attention.")}
            </p>`
    }
  </section>`;
}

function down(health) {
  const parts = Object.entries(health?.components ?? {});
  return parts
    .filter(([, state]) => state === "unhealthy")
    .map(([name]) => ({
      key: `down-${name}`,
      severity: "critical",
      text: t("{name} does not answer", { name }),
      source: t("service"),
      href: "#/cluster",
    }));
}

function asItem(alert) {
  const domain = alert.source?.split(":")[0] ?? alert.component;
  return {
    key: alert.id,
    severity: alert.severity in WEIGHT ? alert.severity : "warning",
    text: alert.message,
    source: alert.component,
    at: alert.timestamp,
    href: PAGES[domain] ?? PAGES[alert.component] ?? "#/cluster",
  };
}

/** Printers in error that no alert speaks of already. */
function silentPrinters(printers, alerts) {
  const spoken = alerts.map((alert) => alert.message).join(" ");
  return Object.values(printers ?? {})
    .filter(
      (printer) =>
        printer.status === "error" &&
        !spoken.includes(printer.printer_id) &&
        !spoken.includes(printer.name),
    )
    .map((printer) => ({
      key: `printer-${printer.printer_id}`,
      severity: "warning",
      text: t("{name} reports an error", { name: printer.name }),
      source: t("Printers"),
      at: printer.last_seen_at_utc,
      href: `#/printers/${printer.printer_id}`,
    }));
}
