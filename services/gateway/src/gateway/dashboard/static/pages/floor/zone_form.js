/** Name, limits and colour of the zone that is drawn. */

import { api } from "../../app/api.js";
import { t } from "../../app/language.js";
import { may } from "../../app/session.js";
import { tell } from "../../app/toasts.js";
import { html, useState } from "../../app/view.js";
import { Field } from "../../parts/fields.js";
import { Icon } from "../../parts/icons.js";
import { removed } from "../../parts/removal.js";

const LEAST_CORNERS = 3;
const FIELDS = [
  "camera_id",
  "name",
  "zone_type",
  "color",
  "polygon_coords",
  "min_workers",
  "max_workers",
];

/** The form beside the picture. */
export function ZoneForm({ draft, onDraft, onDone, onCancel }) {
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const set = (name) => (value) => onDraft({ ...draft, [name]: value });
  const save = async (event) => {
    event.preventDefault();
    const body = Object.fromEntries(FIELDS.map((name) => [name, draft[name]]));
    body.min_workers = Number(draft.min_workers) || 0;
    body.max_workers =
      draft.max_workers === "" || draft.max_workers === null ? null : Number(draft.max_workers);
    try {
      if (draft.isNew)
        await api("/api/v1/zones", { method: "POST", body: { ...body, zone_id: draft.zone_id } });
      else await api(`/api/v1/zones/${encodeURIComponent(draft.zone_id)}`, { method: "PUT", body });
      tell(t("The zone is saved."));
      onDone();
    } catch (error) {
      setErrors(error.fields);
      tell(t(error.message), "bad");
    }
  };
  const remove = async () => {
    const question = { title: t("Remove this zone?"), text: t("Its history stays.") };
    if (await removed(`/api/v1/zones/${encodeURIComponent(draft.zone_id)}`, question)) onDone();
  };
  const corners = draft.polygon_coords.length;
  return html`<form class="card stack" onSubmit=${save}><h2>
    ${draft.isNew ? t("A new zone") : t("Zone {zone}", { zone: draft.zone_id })}</h2>
    ${draft.isNew && html`<${Field} label=${t("Id")} name="zone_id" value=${draft.zone_id}
      onInput=${set("zone_id")} error=${errors.zone_id} required />`}
    <${Field} label=${t("Name")} name="zone-name" value=${draft.name} onInput=${set("name")}
      error=${errors.name} required />
    <${Field} label=${t("Type")} name="zone_type" value=${draft.zone_type}
      onInput=${set("zone_type")} error=${errors.zone_type} />
    <div class="row nowrap-row"><${Field} label=${t("Least people")} name="min_workers"
      type="number" min="0" value=${draft.min_workers} onInput=${set("min_workers")}
        error=${errors.min_workers} />
      <${Field} label=${t("Most people")} name="max_workers" type="number" min="0"
        value=${draft.max_workers ?? ""} onInput=${set("max_workers")}
          error=${errors.max_workers} />
      <${Field} label=${t("Colour")} name="color" type="color" value=${draft.color}
        onInput=${set("color")} /></div>
    <p class="small ${corners < LEAST_CORNERS ? "warn tone" : "muted"}">
      ${t("{n} corners", { n: corners })}${corners < LEAST_CORNERS ? ` – ${t("at least three are needed")}` : ""}
        </p>
    ${errors.polygon_coords && html`<p class="note bad">${errors.polygon_coords}</p>`}
    <div class="row"><button class="button main" disabled=${corners < LEAST_CORNERS}><${Icon}
      name="check" />${t("Save")}</button><button type="button" class="button" onClick=${onCancel}>
        ${t("Cancel")}</button>
      <button type="button" class="button plain" disabled=${!corners}
        onClick=${() => onDraft({ ...draft, polygon_coords: draft.polygon_coords.slice(0, -1) })}>
          ${t("Last corner back")}</button>
      ${!draft.isNew && may("delete") && html`<button type="button" class="button danger"
        onClick=${remove}><${Icon} name="trash" />${t("Remove")}</button>`}</div></form>`;
}
