/** The floor's alerts: one a cause, acknowledged with what was done. */

import { api } from "../../app/api.js";
import { t } from "../../app/language.js";
import { useLive } from "../../app/live.js";
import { useResource } from "../../app/resource.js";
import { amend } from "../../app/routing.js";
import { may, user } from "../../app/session.js";
import { attempt } from "../../app/toasts.js";
import { html, useState } from "../../app/view.js";
import { Ago } from "../../parts/ages.js";
import { Badge } from "../../parts/badge.js";
import { Dialog } from "../../parts/dialogs.js";
import { Choice, Field } from "../../parts/fields.js";
import { Icon } from "../../parts/icons.js";
import { Empty, Fresh, Loaded } from "../../parts/states.js";

const MOST = 50;
const EVERY_MS = 30_000;

/** Open ones first. */
export function Alerts({ query }) {
  const shown = query.get("shown") ?? "open";
  const filter =
    { open: { resolved: false }, waiting: { resolved: false, acknowledged: false }, all: {} }[
      shown
    ] ?? {};
  const alerts = useResource("/api/v1/alerts", {
    query: { ...filter, severity: query.get("severity"), limit: MOST },
    everyMs: EVERY_MS,
  });
  const state = useLive("/ws/tracking", {
    onEvent: (event) => event.type === "alert" && alerts.reload(),
    onResync: alerts.reload,
  });
  const [asked, setAsked] = useState(/** @type {any} */ (null));
  const kinds = [
    ["open", t("Open")],
    ["waiting", t("Not acknowledged")],
    ["all", t("All")],
  ];
  const severities = [
    ["", t("any")],
    ...["critical", "warning", "info"].map((one) => [one, t(one)]),
  ];
  return html`<div class="filters"><${Choice} label=${t("Shown")} name="shown" value=${shown}
    options=${kinds} onInput=${(value) => amend({ shown: value })} />
      <${Choice} label=${t("Severity")} name="severity" value=${query.get("severity") ?? ""}
        options=${severities} onInput=${(value) => amend({ severity: value })} /></div>
    <${Fresh} live=${state === "live"}><${Loaded} of=${alerts}>${(data) =>
      data.alerts.length
        ? html`<ul class="stack">${data.alerts.map((alert) => html`<${Alert} key=${alert.alert_id}
          alert=${alert} onAsk=${() => setAsked(alert)} />`)}</ul>`
        : html`<section class="card"><${Empty} icon="check" text=${t("No alert like this.")} />
          </section>`}<//><//>
    ${
      asked &&
      html`<${Acknowledge} alert=${asked} onDone=${() => {
        setAsked(null);
        alerts.reload();
      }} />`
    }`;
}

function Alert({ alert, onAsk }) {
  const tone = alert.resolved ? "" : alert.severity === "critical" ? "bad" : "warn";
  return html`<li class="card ${tone}"><div class="row"><${Badge} state=${alert.severity} /><b
    class="grow">${alert.message}</b>
      ${alert.resolved && html`<${Badge} state="resolved" />`}${alert.acknowledged && html`<${Badge}
        state="acknowledged" />`}
      ${!alert.acknowledged && may("acknowledge_alerts") && html`<button class="button"
        onClick=${onAsk}><${Icon} name="check" />${t("Acknowledge")}</button>`}</div>
    <p class="small muted">
      ${t(alert.alert_type.replaceAll("_", " "))}${alert.zone_id ? ` · ${alert.zone_id}` : ""}${alert.worker_id ? ` · ${alert.worker_id}` : ""} · <${Ago}
        at=${alert.timestamp} />
      ${alert.acknowledged && html` · ${t("seen by {who}", { who: alert.acknowledged_by })}${alert.action_taken ? `: ${alert.action_taken}` : ""}`}
        </p></li>`;
}

function Acknowledge({ alert, onDone }) {
  const [action, setAction] = useState("");
  const submit = async (event) => {
    event.preventDefault();
    const body = { acknowledged_by: user.value.username, action_taken: action || null };
    const done = await attempt(
      () => api(`/api/v1/alerts/${alert.alert_id}/acknowledge`, { method: "POST", body }),
      t("Acknowledged."),
    );
    if (done) onDone();
  };
  return html`<${Dialog} title=${t("Acknowledge")} onClose=${onDone}><form onSubmit=${submit}><p>
    ${alert.message}</p>
    <${Field} label=${t("What is done about it")} name="action" value=${action} onInput=${setAction}
      maxlength="2000" autofocus />
    <div class="row end"><button class="button main">${t("Acknowledge")}</button></div></form><//>`;
}
