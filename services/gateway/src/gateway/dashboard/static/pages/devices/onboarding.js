/** A new device, its token, and the lines that send its first reading. */

import { api } from "../../app/api.js";
import { t } from "../../app/language.js";
import { mqttPort } from "../../app/session.js";
import { attempt, tell } from "../../app/toasts.js";
import { html, useState } from "../../app/view.js";
import { CodeLine } from "../../parts/code_line.js";
import { confirmed } from "../../parts/dialogs.js";
import { Field } from "../../parts/fields.js";
import { Heading } from "../../parts/heading.js";
import { Icon } from "../../parts/icons.js";

const EXAMPLE = '{"temperature": 25.5}';

/** The form; then token and lines. */
export function NewDevice() {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const [made, setMade] = useState(/** @type {any} */ (null));
  const submit = async (event) => {
    event.preventDefault();
    try {
      const device = await api("/api/devices/", { method: "POST", body: { name, description } });
      const { token } = await api(`/api/devices/${device.id}/token/`, { method: "POST" });
      setMade({ device, token });
    } catch (error) {
      setErrors(error.fields);
      tell(t(error.message), "bad");
    }
  };
  return html`<${Heading} title=${t("Add a device")} back=${["#/devices", t("Devices")]} />
    ${
      made
        ? html`<section class="card stack"><p class="note ok"><${Icon} name="check" />
          ${t("{name} is registered. Its token is shown this once.", { name: made.device.name })}
            </p>
      <${Lines} token=${made.token} /><div class="row"><a class="button main"
        href="#/devices/${made.device.id}">${t("To the device")}</a></div></section>`
        : html`<form class="card stack narrow" onSubmit=${submit}>
      <${Field} label=${t("Name")} name="name" value=${name} onInput=${setName} error=${errors.name}
        required minlength="3" />
      <${Field} label=${t("Description")} name="description" value=${description}
        onInput=${setDescription} error=${errors.description} />
      <div class="row"><button class="button main"><${Icon} name="plus" />${t("Add")}</button></div>
        </form>`
    }`;
}

/** The token and the ready lines for HTTP and MQTT. */
function Lines({ token }) {
  const host = location.hostname;
  return html`<div class="stack"><${CodeLine} label=${t("Token")} text=${token} />
    <${CodeLine} label=${t("A reading by HTTP")}
      text=${`curl -X POST ${location.origin}/api/v1/${token}/telemetry \\\n  -H 'Content-Type: application/json' -d '${EXAMPLE}'`} />
    <${CodeLine} label=${t("A reading by MQTT")}
      text=${`mosquitto_pub -h ${host} -p ${mqttPort.value} -u ${token} -q 1 \\\n  -t v1/devices/me/telemetry -m '${EXAMPLE}'`} />
        </div>`;
}

/** A new token for a device that is there; the one before ends. */
export function Token({ device }) {
  const [token, setToken] = useState("");
  const make = async () => {
    if (
      !(await confirmed({
        title: t("Make a new token?"),
        text: t("A token that the device has already ends at once."),
        action: t("New token"),
      }))
    )
      return;
    const answer = await attempt(() => api(`/api/devices/${device.id}/token/`, { method: "POST" }));
    if (answer) setToken(answer.token);
  };
  return html`<section class="card"><header><h2>${t("Connect it")}</h2></header>
    ${
      token
        ? html`<${Lines} token=${token} />`
        : html`<div class="stack"><p class="muted">
          ${t("A token lets the device send readings by HTTP or MQTT.")}</p>
      <div class="row"><button class="button" onClick=${make}><${Icon} name="key" />
        ${t("New token")}</button></div></div>`
    }</section>`;
}
