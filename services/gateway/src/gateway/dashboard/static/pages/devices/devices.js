/** Devices: the list, one device with its charts, and how a new one is brought in. */

import { html } from "../../app/view.js";
import { Device } from "./device.js";
import { DeviceList } from "./list.js";
import { NewDevice } from "./onboarding.js";

/** The section's pages by their place. */
export default function Devices({ rest, query }) {
  const [id] = rest;
  if (id === "new") return html`<${NewDevice} />`;
  return id ? html`<${Device} id=${id} key=${id} />` : html`<${DeviceList} query=${query} />`;
}
