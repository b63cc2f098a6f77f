/** A camera's picture with its zones over it, people as dots, and who is in each zone. */

import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { amend } from "../../app/routing.js";
import { may } from "../../app/session.js";
import { html, useState } from "../../app/view.js";
import { Badge } from "../../parts/badge.js";
import { Choice } from "../../parts/fields.js";
import { Icon } from "../../parts/icons.js";
import { Empty, Fresh, Loaded } from "../../parts/states.js";
import { CameraForm } from "./camera_form.js";
import { useFloor } from "./live.js";
import { Occupancy } from "./occupancy.js";
import { Stage } from "./stage.js";
import { ZoneForm } from "./zone_form.js";

const CAMERAS_MS = 15_000;

/** The page with one camera. */
export function Cameras({ query }) {
  const cameras = useResource("/api/v1/cameras", { everyMs: CAMERAS_MS });
  const [isAdding, setAdding] = useState(false);
  const add =
    may("config") &&
    html`<button class="button" onClick=${() => setAdding(true)}><${Icon} name="plus" />
      ${t("Add a camera")}</button>`;
  return html`<${Loaded} of=${cameras}>${(data) => {
    const shown =
      data.cameras.find((one) => one.camera_id === query.get("camera")) ?? data.cameras[0];
    return html`<div class="filters">
        ${data.cameras.length > 0 && html`<${Choice} label=${t("Camera")} name="camera"
          value=${shown?.camera_id} options=${data.cameras.map((one) => [one.camera_id, one.name])}
            onInput=${(camera) => amend({ camera })} />`}
        ${shown && html`<${Badge} state=${shown.status} />`}${add}</div>
      ${shown ? html`<${View} key=${shown.camera_id} camera=${shown} />` : html`<${Empty}
        icon="floor" text=${t("No camera yet.")}>${add}<//>`}
      ${
        isAdding &&
        html`<${CameraForm} onDone=${() => {
          setAdding(false);
          cameras.reload();
        }} />`
      }`;
  }}<//>`;
}

function View({ camera }) {
  const zones = useResource("/api/v1/zones", {
    query: { camera_id: camera.camera_id, active: true },
  });
  const { occupancy, state } = useFloor(zones.data?.zones);
  const [draft, setDraft] = useState(/** @type {any} */ (null));
  const [chosen, setChosen] = useState("");
  const done = () => {
    setDraft(null);
    zones.reload();
  };
  const begin = () =>
    setDraft({
      camera_id: camera.camera_id,
      zone_id: "",
      name: "",
      zone_type: "work_area",
      color: "#00A6D6",
      polygon_coords: [],
      min_workers: 1,
      max_workers: 3,
      isNew: true,
    });
  return html`<${Loaded} of=${zones}>${(data) => html`<div class="grid split">
    <section class="card"><${Stage} camera=${camera} zones=${data.zones} occupancy=${occupancy}
      draft=${draft} chosen=${chosen} onChoose=${setChosen} onDraft=${setDraft} />
      ${
        may("write") &&
        !draft &&
        html`<div class="row stage-foot"><button class="button main" onClick=${begin}><${Icon}
          name="plus" />${t("Draw a zone")}</button>
        ${chosen && html`<button class="button"
          onClick=${() => setDraft({ ...data.zones.find((one) => one.zone_id === chosen) })}>
            <${Icon} name="edit" />${t("Edit {zone}", { zone: chosen })}</button>`}</div>`
      }</section>
    <div class="stack">${
      draft
        ? html`<${ZoneForm} draft=${draft} onDraft=${setDraft} onDone=${done}
          onCancel=${() => setDraft(null)} />`
        : html`<${Fresh} live=${state === "live"}><${Occupancy} zones=${data.zones}
          occupancy=${occupancy} chosen=${chosen} onChoose=${setChosen} /><//>`
    }</div></div>`}<//>`;
}
