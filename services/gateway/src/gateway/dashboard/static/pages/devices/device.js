/** One device: its newest values, its charts, its readings as a file, its rules, its token. */

import { api } from "../../app/api.js";
import { dateTime, number } from "../../app/format.js";
import { gathered } from "../../app/gathering.js";
import { t } from "../../app/language.js";
import { useLive } from "../../app/live.js";
import { useResource } from "../../app/resource.js";
import { go } from "../../app/routing.js";
import { may } from "../../app/session.js";
import { attempt } from "../../app/toasts.js";
import { html, useMemo, useState } from "../../app/view.js";
import { Ago } from "../../parts/ages.js";
import { Badge } from "../../parts/badge.js";
import { Choice } from "../../parts/fields.js";
import { Heading } from "../../parts/heading.js";
import { Icon } from "../../parts/icons.js";
import { removed } from "../../parts/removal.js";
import { Empty, Fresh, Loaded } from "../../parts/states.js";
import { Measurements } from "./measurements.js";
import { Token } from "./onboarding.js";
import { Rules } from "./rules.js";

const STATES = ["active", "inactive", "maintenance", "error"];

/** The page of one device. */
export function Device({ id }) {
  const device = useResource(`/api/devices/${id}/`);
  const latest = useResource(`/api/devices/${id}/latest/`);
  const alerts = useResource(`/api/devices/${id}/alerts/`, { query: { resolved: false } });
  const [live, setLive] = useState(/** @type {Record<string, any>} */ ({}));
  const add = useMemo(
    () =>
      gathered((events) =>
        setLive((known) =>
          Object.assign(
            {},
            known,
            ...events.flatMap((event) => event.data.readings.map((one) => ({ [one.metric]: one }))),
          ),
        ),
      ),
    [],
  );
  const state = useLive(`/ws/devices?device_id=${id}`, {
    onEvent: (event) => {
      if (event.type === "device_readings") add(event);
      else {
        device.reload();
        alerts.reload();
      }
    },
    onResync: () => {
      latest.reload();
      alerts.reload();
    },
  });
  const values = { ...latest.data, ...live };
  return html`<${Loaded} of=${device}>${(data) => html`
    <${Heading} title=${data.name} back=${["#/devices", t("Devices")]} sub=${data.description}>
      <${Badge} state=${Object.keys(live).length ? "online" : data.connectivity} /><${Keeping}
        device=${data} reload=${device.reload} /><//>
    <${Fresh} live=${state === "live"}><${Newest} values=${values} /><//>
    <div class="grid split spaced"><${Measurements} id=${id} values=${values} />
      <div class="stack"><${Alerts} alerts=${alerts} /><${Rules} id=${id}
        metrics=${Object.keys(values)} /><${Facts} device=${data} />
        ${may("write") && html`<${Token} device=${data} />`}</div></div>`}<//>`;
}

function Newest({ values }) {
  const all = Object.entries(values);
  if (!all.length)
    return html`<section class="card"><${Empty} icon="devices"
      text=${t("Nothing has been heard of this device yet.")} /></section>`;
  return html`<section class="card figures">${all.map(
    ([
      metric,
      one,
    ]) => html`<div class="figure" key=${metric}><b>${number(Number(one.value), 2)} <small>
      ${one.unit}</small></b>
    <span>${metric}</span> <span class="small"><${Ago} at=${one.timestamp} /></span></div>`,
  )}</section>`;
}

function Facts({ device }) {
  return html`<section class="card"><header><h2>${t("Device")}</h2></header><dl class="facts">
    <dt>${t("Id")}</dt><dd>${device.id}</dd><dt>${t("Public id")}</dt><dd class="mono">
      ${device.public_id}</dd>
    <dt>${t("State")}</dt><dd><${Badge} state=${device.status} /></dd><dt>${t("Made")}</dt><dd>
      ${dateTime(device.created_at)}</dd></dl></section>`;
}

function Alerts({ alerts }) {
  if (!alerts.data?.count) return null;
  return html`<section class="card warn"><header><h2>${t("Open alerts")}</h2></header><ul
    class="lines">${alerts.data.results.map(
    (one) => html`<li key=${one.id}>
    <${Badge} state=${one.severity} /><span class="grow">${one.message}</span><span
      class="small muted"><${Ago} at=${one.timestamp} /></span></li>`,
  )}</ul></section>`;
}

function Keeping({ device, reload }) {
  const path = `/api/devices/${device.id}/`;
  const change = (status) =>
    attempt(async () => {
      await api(path, { method: "PATCH", body: { status } });
      await reload();
    }, t("Saved."));
  const remove = async () => {
    const question = {
      title: t("Remove this device?"),
      text: t("Its readings and its token go with it."),
    };
    if (await removed(path, question)) go("/devices");
  };
  return html`${may("write") && html`<${Choice} label=${t("State")} name="device-status"
    value=${device.status} options=${STATES.map((one) => [one, t(one)])} onInput=${change} />`}
    ${may("delete") && html`<button class="button plain" aria-label=${t("Remove")}
      onClick=${remove}><${Icon} name="trash" /></button>`}`;
}
