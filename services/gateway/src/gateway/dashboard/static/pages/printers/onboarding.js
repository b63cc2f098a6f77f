/** A new printer: how it speaks, where it is, and then what to type where. */

import { api } from "../../app/api.js";
import { t } from "../../app/language.js";
import { tell } from "../../app/toasts.js";
import { html, useState } from "../../app/view.js";
import { CodeLine } from "../../parts/code_line.js";
import { Field } from "../../parts/fields.js";
import { Heading } from "../../parts/heading.js";
import { Icon } from "../../parts/icons.js";
import { Onboarding } from "./onboarding_lines.js";

const EMPTY = {
  printer_id: "",
  name: "",
  model: "",
  location: "",
  driver: "octoprint",
  url: "",
  key: "",
};

/** The form, then the key and the lines. */
export function NewPrinter() {
  const [draft, setDraft] = useState(EMPTY);
  const [made, setMade] = useState(/** @type {any} */ (null));
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const set = (name) => (value) => setDraft((old) => ({ ...old, [name]: value }));
  const needsUrl = ["octoprint", "moonraker"].includes(draft.driver);
  const submit = async (event) => {
    event.preventDefault();
    const { key, ...rest } = draft;
    const body = {
      ...rest,
      url: needsUrl ? draft.url : "",
      credentials: needsUrl && key ? { api_key: key } : {},
    };
    try {
      setMade(await api("/api/printers", { method: "POST", body }));
    } catch (error) {
      setErrors(error.fields);
      tell(t(error.message), "bad");
    }
  };
  return html`<${Heading} title=${t("Add a printer")} back=${["#/printers", t("Printers")]} />
    ${
      made
        ? html`<${Made} printer=${made} />`
        : html`<div class="grid cols-2"><form class="card stack" onSubmit=${submit}>
      <${Drivers} value=${draft.driver} onChange=${set("driver")} />
      <${Field} label=${t("Id")} name="printer_id" value=${draft.printer_id}
        onInput=${set("printer_id")} error=${errors.printer_id} required
          pattern="[A-Za-z0-9][\\w.:\\-]*"
            hint=${t("Letters, digits, - and _; it never changes.")} />
      <${Field} label=${t("Name")} name="name" value=${draft.name} onInput=${set("name")}
        error=${errors.name} required />
      <${Field} label=${t("Model")} name="model" value=${draft.model} onInput=${set("model")} />
      <${Field} label=${t("Location")} name="location" value=${draft.location}
        onInput=${set("location")} />
      ${
        needsUrl &&
        html`<${Field} label=${t("Address")} name="url" type="url" value=${draft.url}
          onInput=${set("url")} error=${errors.url} required
            placeholder=${draft.driver === "octoprint" ? "http://octopi.local" : "http://klipper.local:7125"} />
        <${Field} label=${draft.driver === "octoprint" ? t("API key of OctoPrint") : t("API key")}
          name="key" value=${draft.key} onInput=${set("key")} autocomplete="off"
            required=${draft.driver === "octoprint"} />`
      }
      <div class="row"><button class="button main"><${Icon} name="plus" />${t("Add")}</button></div>
        </form>
      <section class="card"><${Onboarding}
        printer=${{ ...draft, printer_id: draft.printer_id || "PRINTER001" }} /></section></div>`
    }`;
}

function Drivers({ value, onChange }) {
  const drivers = [
    ["octoprint", "OctoPrint", t("Gemba asks OctoPrint; pause and cancel work from here.")],
    [
      "moonraker",
      "Moonraker / Klipper",
      t("Gemba listens to Moonraker; pause and cancel work from here."),
    ],
    ["mqtt", "OctoPrint-MQTT", t("OctoPrint's MQTT plug-in tells Gemba; good behind a firewall.")],
    ["api", t("Script"), t("Anything that can send HTTP.")],
  ];
  return html`<fieldset class="options"><legend>${t("How it speaks")}</legend>${drivers.map(
    ([name, title, text]) => html`<label key=${name} class=${value === name ? "chosen" : ""}>
    <input type="radio" name="driver" value=${name} checked=${value === name}
      onChange=${() => onChange(name)} /><span><b>${title}</b><small>${text}</small></span>
        </label>`,
  )}</fieldset>`;
}

function Made({ printer }) {
  return html`<section class="card stack"><p class="note ok"><${Icon} name="check" />
    ${t("{name} is registered. Its key is shown this once.", { name: printer.name })}</p>
    <${CodeLine} label=${t("Key")} text=${printer.api_key} /><${Onboarding} printer=${printer} />
    <div class="row"><a class="button main" href="#/printers/${printer.printer_id}">
      ${t("To the printer")}</a></div></section>`;
}
