/** Exactly what to type into OctoPrint, Moonraker or a script, for one printer. */

import { t } from "../../app/language.js";
import { mqttPort } from "../../app/session.js";
import { html } from "../../app/view.js";
import { CodeLine } from "../../parts/code_line.js";

/** The steps of this printer's driver; its key is known only right after it was made. */
export function Onboarding({ printer }) {
  const Steps =
    { api: ByScript, mqtt: ByMqtt, octoprint: ByOctoPrint, moonraker: ByMoonraker }[
      printer.driver
    ] ?? ByScript;
  return html`<div class="stack"><h3>${t("What to do at the printer")}</h3><${Steps}
    printer=${printer} /></div>`;
}

function ByMqtt({ printer }) {
  return html`<ol class="steps"><li>
    ${t("In OctoPrint, install the plug-in “MQTT” (Settings → Plugin Manager → Get More).")}</li>
    <li>${t("Settings → MQTT → Broker: type this, then save.")}</li></ol>
    <${CodeLine} label="Host" text=${location.hostname} /><${CodeLine} label="Port"
      text=${String(mqttPort.value)} />
    <${CodeLine} label="Username" text=${printer.printer_id} /><${CodeLine} label="Password"
      text=${printer.api_key ?? t("the printer's key")} />
    <p class="muted small">${t("Leave the topics as they are. Protocol 3.1 and 3.1.1 both work.")}
      </p>`;
}

function ByOctoPrint({ printer }) {
  return html`<ol class="steps"><li>
    ${t("In OctoPrint: the wrench → Application Keys, or User Settings → API Key. Make one and copy it.")}
      </li>
    <li>${t("It goes into the field “API key of OctoPrint” here; Gemba connects by itself.")}</li>
    <li>${t("Nothing is installed on the printer. The link turns to “up” within some seconds.")}
      </li></ol>
    <${CodeLine} label=${t("Try the address and key from the gateway's machine")}
      text=${`curl -H 'X-Api-Key: YOUR_KEY' ${printer.url || "http://octopi.local"}/api/version`} />`;
}

function ByMoonraker({ printer }) {
  return html`<ol class="steps"><li>
    ${t("Moonraker answers trusted hosts without a key: add Gemba's address to moonraker.conf and restart it.")}
      </li></ol>
    <${CodeLine} label="moonraker.conf"
      text=${`[authorization]\ntrusted_clients:\n    ${location.hostname}`} />
    <ol class="steps" start="2"><li>
      ${t("Or take its key from this address and type it into “API key” here.")}</li></ol>
    <${CodeLine} label=${t("Its key")}
      text=${`curl ${printer.url || "http://klipper.local:7125"}/access/api_key`} />`;
}

function ByScript({ printer }) {
  const key = printer.api_key ?? "$KEY";
  const post = (path, body) =>
    `curl -X POST ${location.origin}${path} \\\n  -H 'Content-Type: application/json' \\\n  -d '${JSON.stringify(body)}'`;
  return html`<p>${t("A script tells Gemba of each print: first its start, then its progress.")}</p>
    <${CodeLine} label=${t("Start a print of the queue")}
      text=${post("/api/status/start", { api_key: key, printer_id: printer.printer_id, print_queue_id: 1 })} />
    <${CodeLine} label=${t("Tell its progress")}
      text=${post("/api/status/update", { api_key: key, printer_id: printer.printer_id, print_status_id: 1, status: "printing", progress: 25.5, metrics: { hotend_temp: 210.5, bed_temp: 60.2, current_layer: 50, total_layers: 200 } })} />`;
}
