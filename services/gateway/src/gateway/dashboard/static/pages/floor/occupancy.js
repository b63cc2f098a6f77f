/** Who is in which zone, and whether that is as it should be. */

import { number } from "../../app/format.js";
import { t } from "../../app/language.js";
import { html } from "../../app/view.js";
import { Since } from "../../parts/ages.js";
import { Badge } from "../../parts/badge.js";
import { Empty } from "../../parts/states.js";

/** A card a zone. */
export function Occupancy({ zones, occupancy, chosen, onChoose }) {
  if (!zones.length)
    return html`<section class="card"><${Empty} icon="floor"
      text=${t("No zone on this camera yet.")} /></section>`;
  return html`<div class="stack">${zones.map((zone) => {
    const now = occupancy[zone.zone_id];
    return html`<section class="card ${zone.zone_id === chosen ? "picked" : ""}"
      key=${zone.zone_id}><header><h2><button class="link" onClick=${() => onChoose(zone.zone_id)}>
        <svg class="swatch" viewBox="0 0 8 8" aria-hidden="true"><rect width="8" height="8" rx="1.5"
          fill=${zone.color} /></svg> ${zone.name}</button></h2>
        ${now && html`<${Badge} state=${now.status} />`}</header>
      <p class="muted small">
        ${t("{count} people; {least} to {most} wanted", { count: number(now?.current_count ?? zone.current_occupancy), least: number(zone.min_workers), most: zone.max_workers === null ? "∞" : number(zone.max_workers) })}
          </p>
      <ul class="lines">${(now?.workers ?? []).map(
        (
          worker,
        ) => html`<li key=${worker.session_id}><span class="grow clip">
          ${worker.name ?? worker.worker_id}</span>
        <span class="small muted"><${Since} at=${worker.entry_time} /></span><${Badge}
          state=${worker.state} tone=${worker.state === "idle" ? "warn" : undefined} /></li>`,
      )}</ul></section>`;
  })}</div>`;
}
