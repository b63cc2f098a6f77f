/** The tools that can be added, by what they are for. */

import { t } from "../../app/language.js";
import { html, useState } from "../../app/view.js";
import { Field } from "../../parts/fields.js";
import { Icon } from "../../parts/icons.js";

/** A searchable list; a click adds a tool. */
export function Palette({ tools, onAdd }) {
  const [wanted, setWanted] = useState("");
  const found = tools.filter((tool) =>
    `${tool.name} ${tool.description}`.toLowerCase().includes(wanted.toLowerCase()),
  );
  const categories = [...new Set(found.map((tool) => tool.category))].sort(
    (one, other) =>
      Number(other === "source") - Number(one === "source") || one.localeCompare(other),
  );
  return html`<section class="card palette" aria-label=${t("Tools")}>
    <${Field} label=${t("Find a tool")} name="tool-search" type="search" value=${wanted}
      onInput=${setWanted} />
    <div class="palette-list" tabindex="0" role="region" aria-label=${t("Tools")}>${categories.map(
      (category) => html`<div key=${category}><h3>${t(category)}</h3>
      <ul>${found
        .filter((tool) => tool.category === category)
        .map(
          (tool) => html`<li key=${tool.name}>
        <button class="button plain small" title=${tool.description} onClick=${() => onAdd(tool)}>
          <${Icon} name="plus" />${tool.name.replaceAll("_", " ")}</button></li>`,
        )}</ul></div>`,
    )}</div>
  </section>`;
}
