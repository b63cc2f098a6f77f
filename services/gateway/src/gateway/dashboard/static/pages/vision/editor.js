/** The pipeline editor: choose tools, join them, try them on a picture, save, run. */

import { api } from "../../app/api.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { may } from "../../app/session.js";
import { tell } from "../../app/toasts.js";
import { html, useEffect, useMemo, useState } from "../../app/view.js";
import { Icon } from "../../parts/icons.js";
import { Loaded } from "../../parts/states.js";
import { Canvas } from "./canvas.js";
import { keepDraft, keptDraft } from "./drafts.js";
import { completed, joined, laidOut, withTool, withoutTool } from "./graph.js";
import { Inspector } from "./inspector.js";
import { Palette } from "./palette.js";
import { Toolbar } from "./toolbar.js";
import { Trial, useTrial } from "./trial.js";

const CHECK_AFTER_MS = 500;
const FIRST = { name: "", inspection_type: "", pipeline_config: { tools: [], connections: [] } };

/** The editor with the catalogue that the machines have sent. */
export function Editor({ query }) {
  const tools = useResource("/api/v1/tools/");
  return html`<${Loaded} of=${tools}>${(data) => html`<${Table} tools=${data.tools}
    example=${query.get("example")} />`}<//>`;
}

function Table({ tools, example }) {
  const catalogue = useMemo(() => new Map(tools.map((tool) => [tool.name, tool])), [tools]);
  const [draft, setDraft] = useState(() =>
    opened(exampleOf(catalogue.get(example)) ?? keptDraft() ?? FIRST, catalogue),
  );
  const [selected, setSelected] = useState("");
  const problems = useProblems(draft.pipeline);
  const trial = useTrial();
  useEffect(() => keepDraft(asDraft(draft)), [draft]);
  const change = (part) => setDraft((old) => ({ ...old, ...part }));
  const add = (kind) => {
    const { pipeline, id } = withTool(draft.pipeline, kind);
    const tidy = laidOut(pipeline);
    change({ pipeline, places: { ...draft.places, [id]: besides(draft.places, tidy[id]) } });
    setSelected(id);
  };
  const join = (start, end) => {
    const { pipeline, problem } = joined(draft.pipeline, start, end);
    if (pipeline) change({ pipeline });
    else
      tell(
        problem === "type"
          ? t("{output} does not fit: {input} takes {types}.", {
              output: start.port.type,
              input: `${end.id}.${end.port.name}`,
              types: [end.port.type, ...(end.port.accepts ?? [])].join(", "),
            })
          : t("This would make a circle."),
        "bad",
      );
  };
  const cut = (joint) =>
    change({
      pipeline: {
        ...draft.pipeline,
        connections: draft.pipeline.connections.filter((one) => one !== joint),
      },
    });
  const remove = (id) => {
    change({ pipeline: withoutTool(draft.pipeline, id) });
    setSelected("");
  };
  const tool = draft.pipeline.tools.find((one) => one.id === selected);
  return html`<div class="stack">
    <${Toolbar} draft=${draft} asDraft=${asDraft} onOpen=${(one) => {
      setDraft(opened(one, catalogue));
      setSelected("");
      trial.clear();
    }} onChange=${change} problems=${problems}
      onTidy=${() => change({ places: laidOut(draft.pipeline) })} trial=${trial}
        catalogue=${catalogue} />
    <div class="editor">
      <${Palette} tools=${tools} onAdd=${add} />
      <section class="card bare">
        <${Canvas} pipeline=${draft.pipeline} places=${draft.places} catalogue=${catalogue}
          selected=${selected} problems=${problems}
          onSelect=${setSelected}
            onMove=${(id, place) => setDraft((old) => ({ ...old, places: { ...old.places, [id]: place } }))}
              onJoin=${join} onCut=${cut} />
        <${Problems} problems=${problems} isEmpty=${!draft.pipeline.tools.length} />
      </section>
      <${Inspector} tool=${tool} kind=${tool && catalogue.get(tool.name)} problems=${problems}
        output=${tool && trial.record?.results?.tools?.[tool.id]}
        onChange=${(parameters) => change({ pipeline: { ...draft.pipeline, tools: draft.pipeline.tools.map((one) => (one.id === tool.id ? { ...one, parameters } : one)) } })}
        onRemove=${() => remove(tool.id)} />
    </div>
    <${Trial} trial=${trial} order=${draft.pipeline.tools.map((one) => one.id)} />
  </div>`;
}

function exampleOf(kind) {
  return (
    kind && {
      name: t("Example: {tool}", { tool: kind.name.replaceAll("_", " ") }),
      inspection_type: kind.name,
      pipeline_config: kind.example,
    }
  );
}

/** A place that no other tool lies on. */
function besides(places, [x, y]) {
  let place = [x, y];
  while (
    Object.values(places).some(
      ([px, py]) => Math.abs(px - place[0]) < 180 && Math.abs(py - place[1]) < 90,
    )
  )
    place = [place[0], place[1] + 120];
  return place;
}

function opened(draft, catalogue) {
  const pipeline = completed(draft.pipeline_config, catalogue);
  return {
    name: draft.name ?? "",
    type: draft.inspection_type ?? "",
    pipeline,
    places: { ...laidOut(pipeline), ...draft.places },
  };
}

function asDraft({ name, type, pipeline, places }) {
  const tools = pipeline.tools.map(({ name: kind, id, parameters }) =>
    id === kind ? { name: kind, parameters } : { name: kind, id, parameters },
  );
  return {
    name,
    inspection_type: type,
    pipeline_config: { tools, connections: pipeline.connections },
    places,
  };
}

/** What the orchestrator finds wrong, asked once typing pauses. */
function useProblems(pipeline) {
  const [problems, setProblems] = useState(/** @type {any[]} */ ([]));
  const config = JSON.stringify(pipeline);
  useEffect(() => {
    if (!pipeline.tools.length) {
      setProblems([]);
      return undefined;
    }
    const timer = setTimeout(async () => {
      const verdict = await api("/api/v1/pipelines/validate/", {
        method: "POST",
        body: { pipeline_config: pipeline },
      }).catch(() => null);
      if (verdict) setProblems(verdict.errors);
    }, CHECK_AFTER_MS);
    return () => clearTimeout(timer);
  }, [config]);
  return problems;
}

function Problems({ problems, isEmpty }) {
  if (isEmpty)
    return html`<p class="muted canvas-foot">
      ${t("Begin with a source from the list, add tools, and join outputs with inputs.")}</p>`;
  if (!problems.length)
    return html`<p class="ok tone canvas-foot row tight"><${Icon} name="check" />
      ${t("This pipeline can run.")}${!may("write") && ` ${t("You may look, not run.")}`}</p>`;
  return html`<ul class="canvas-foot" aria-label=${t("Problems")}>${problems.map(
    (one) => html`<li class="bad tone row tight" key=${JSON.stringify(one)}><${Icon} name="alert" />
    ${[one.tool, one.parameter].filter(Boolean).join(".")}${one.tool ? ": " : ""}${one.message}
      </li>`,
  )}</ul>`;
}
