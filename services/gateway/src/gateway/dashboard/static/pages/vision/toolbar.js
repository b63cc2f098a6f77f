/** What can be done with the pipeline on the table: try, save, open, export, run. */

import { api } from "../../app/api.js";
import { t } from "../../app/language.js";
import { go } from "../../app/routing.js";
import { may } from "../../app/session.js";
import { attempt, tell } from "../../app/toasts.js";
import { html, useRef, useState } from "../../app/view.js";
import { Choice, Field } from "../../parts/fields.js";
import { Icon } from "../../parts/icons.js";
import { forgetPipeline, savePipeline, savedPipelines } from "./drafts.js";

/** The row of buttons above the table. */
export function Toolbar({ draft, asDraft, onOpen, onChange, problems, onTidy, trial, catalogue }) {
  const [saved, setSaved] = useState(savedPipelines);
  const picture = useRef(/** @type {any} */ (null));
  const file = useRef(/** @type {any} */ (null));
  const type = draft.type || draft.pipeline.tools.at(-1)?.name || "";
  const body = () => ({
    ...asDraft(draft),
    name: draft.name || t("Untitled pipeline"),
    inspection_type: type,
    places: undefined,
  });
  const canRun = may("write") && draft.pipeline.tools.length > 0 && problems.length === 0;
  const save = () => {
    if (!draft.name.trim()) return tell(t("Give it a name first."), "bad");
    savePipeline(asDraft(draft));
    setSaved(savedPipelines());
    return tell(t("Saved in this browser."));
  };
  const run = async () => {
    const made = await attempt(
      () => api("/api/v1/inspections/", { method: "POST", body: body() }),
      t("Queued."),
    );
    if (made) go(`/vision/inspections/${made.id}`);
  };
  const load = async (chosen) => {
    if (!chosen) return;
    const read = await attempt(async () => JSON.parse(await chosen.text()));
    if (read?.pipeline_config?.tools) onOpen(read);
    else if (read?.tools)
      onOpen({ name: chosen.name.replace(/\.json$/, ""), pipeline_config: read });
    else if (read) tell(t("This file holds no pipeline."), "bad");
  };
  const choose = (value) => {
    const [kind, name] = value.split("\n");
    if (kind === "saved") onOpen(saved[name]);
    else if (kind === "example")
      onOpen({
        name: t("Example: {tool}", { tool: name }),
        inspection_type: name,
        pipeline_config: catalogue.get(name).example,
      });
    else if (kind === "new") onOpen({ name: "", pipeline_config: { tools: [], connections: [] } });
  };
  const options = [
    ["", t("Open…")],
    ["new", t("An empty table")],
    ...Object.keys(saved).map((name) => [`saved\n${name}`, name]),
    ...[...catalogue.keys()].map((name) => [
      `example\n${name}`,
      t("Example: {tool}", { tool: name.replaceAll("_", " ") }),
    ]),
  ];
  return html`<div class="toolbar card">
    <div class="filters">
      <div class="wide"><${Field} label=${t("Name")} name="pipeline-name" value=${draft.name}
        onInput=${(name) => onChange({ name })} /></div>
      <${Choice} label=${t("Saved and examples")} name="pipeline-open" value="" options=${options}
        onInput=${choose} />
    </div>
    <div class="row tight">
      ${
        may("write") &&
        html`<button class="button" disabled=${!canRun || trial.isBusy}
          onClick=${() => picture.current.click()}><${Icon} name="eye" />${t("Try on a picture…")}
            </button>
        <button class="button main" disabled=${!canRun} onClick=${run}><${Icon} name="play" />
          ${t("Run")}</button>`
      }
      <button class="button" onClick=${save}><${Icon} name="check" />${t("Save")}</button>
      <button class="button" onClick=${() => exported(body())}><${Icon} name="down" />${t("Export")}
        </button>
      <button class="button" onClick=${() => file.current.click()}><${Icon} name="up" />
        ${t("Import")}</button>
      <button class="button plain" onClick=${onTidy}>${t("Tidy up")}</button>
      ${
        draft.name in saved &&
        html`<button class="button plain" onClick=${() => {
          forgetPipeline(draft.name);
          setSaved(savedPipelines());
        }}><${Icon} name="trash" />${t("Forget")}</button>`
      }
      <input ref=${picture} class="hidden-text" type="file" accept="image/*" tabindex="-1"
        aria-label=${t("Picture to try on")} onChange=${(
        event,
      ) => {
        trial.start(event.currentTarget.files[0], body());
        event.currentTarget.value = "";
      }} />
      <input ref=${file} class="hidden-text" type="file" accept="application/json,.json"
        tabindex="-1" aria-label=${t("Pipeline file")} onChange=${(
        event,
      ) => {
        load(event.currentTarget.files[0]);
        event.currentTarget.value = "";
      }} />
    </div></div>`;
}

/** Give the body of `POST /api/v1/inspections/` as a file. */
function exported(body) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(
    new Blob([JSON.stringify(body, null, 2)], { type: "application/json" }),
  );
  link.download = `${body.name.replace(/[^\p{L}\p{N}]+/gu, "_")}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}
