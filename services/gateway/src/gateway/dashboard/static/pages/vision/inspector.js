/** The tool that is selected: its parameters, and what it gave in the last trial. */

import { number } from "../../app/format.js";
import { t } from "../../app/language.js";
import { html } from "../../app/view.js";
import { Icon } from "../../parts/icons.js";
import { SchemaForm } from "../../parts/schema_form.js";
import { Empty } from "../../parts/states.js";
import { Results } from "./results.js";

/** Form and output of one tool. */
export function Inspector({ tool, kind, problems, output, onChange, onRemove }) {
  if (!tool)
    return html`<section class="card inspector"><${Empty} icon="edit"
      text=${t("Choose a tool on the table to set its parameters.")} /></section>`;
  const own = problems.filter((one) => one.tool === tool.id);
  const errors = Object.fromEntries(
    own.filter((one) => one.parameter).map((one) => [one.parameter, one.message]),
  );
  return html`<section class="card inspector" aria-labelledby="inspector-title">
    <header><h2 id="inspector-title">${tool.id}</h2><button class="button plain small"
      onClick=${onRemove}><${Icon} name="trash" />${t("Remove")}</button></header>
    <div class="stack">
      <p class="muted small">${kind?.description}</p>
      ${output && html`<details open><summary>
        ${t("Output of the trial")} · ${number(output.time_ms, 2)} ms</summary><${Results}
          results=${withoutTime(output)} /></details>`}
      ${kind && html`<${SchemaForm} key=${tool.id} prefix="p-${tool.id}" schema=${kind.parameters}
        value=${tool.parameters} errors=${errors} onChange=${onChange} />`}
    </div></section>`;
}

function withoutTime({ time_ms: _, ...rest }) {
  return rest;
}
