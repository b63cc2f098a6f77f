/** The table on which tools lie and are joined, by mouse or by keyboard. */

import { t } from "../../app/language.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../app/view.js";
import { fits } from "./graph.js";

const STEP = 12;
const ROOM = 280;

/**
 * The canvas. A click or Enter on an output picks it up, one on an input joins it; dragging does the same.
 */
export function Canvas({
  pipeline,
  places,
  catalogue,
  selected,
  problems,
  onSelect,
  onMove,
  onJoin,
  onCut,
}) {
  const table = useRef(/** @type {any} */ (null));
  const [held, setHeld] = useState(/** @type {any} */ (null));
  const [tip, setTip] = useState(/** @type {any} */ (null));
  const wires = useWires(table, pipeline, places);
  const drop = (id, port) => {
    if (held) onJoin(held, { id, port });
    setHeld(null);
    setTip(null);
  };
  const follow = (event) => {
    if (!held?.isDragged) return;
    const box = table.current.getBoundingClientRect();
    setTip([event.clientX - box.left, event.clientY - box.top]);
  };
  const release = (event) => {
    if (!held?.isDragged) return;
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const port = /** @type {HTMLElement | null | undefined} */ (under?.closest("[data-input]"));
    if (!port) {
      setTip(null);
      // A click without a drag leaves the wire in the hand.
      setHeld(tip ? null : { ...held, isDragged: false });
      return;
    }
    const [id, name] = port.dataset.input.split("/");
    const kind = catalogue.get(pipeline.tools.find((tool) => tool.id === id)?.name);
    drop(
      id,
      kind.inputs.find((one) => one.name === name),
    );
  };
  const size = extent(places);
  const start = held && wires.ports[`out/${held.id}/${held.port.name}`];
  return html`<div class="canvas" tabindex="0" role="region" aria-label=${t("Pipeline")}
    onPointerMove=${follow} onPointerUp=${release}
      onKeyDown=${(event) => event.key === "Escape" && setHeld(null)}>
    <div class="table" ref=${table} style=${{ width: `${size[0]}px`, height: `${size[1]}px` }}>
      <svg class="wires" width=${size[0]} height=${size[1]} aria-hidden="true">
        ${wires.lines.map((line) => html`<path key=${line.key} d=${line.d} />`)}
        ${start && tip && html`<path class="loose" d=${curve(start, tip)} />`}
      </svg>
      ${pipeline.tools.map(
        (
          tool,
        ) => html`<${Node} key=${tool.id} tool=${tool} kind=${catalogue.get(tool.name)}
          place=${places[tool.id] ?? [0, 0]}
        isSelected=${selected === tool.id}
          hasProblem=${problems.some((one) => one.tool === tool.id)} held=${held}
            connections=${pipeline.connections}
        onSelect=${onSelect} onMove=${onMove} onHold=${setHeld} onDrop=${drop} onCut=${onCut} />`,
      )}
    </div>
    ${held && html`<p class="hand" role="status">
      ${t("{port} ({type}) is in your hand: choose an input, or press Escape.", { port: `${held.id}.${held.port.name}`, type: held.port.type })}
        </p>`}
  </div>`;
}

function extent(places) {
  const all = Object.values(places);
  return [
    Math.max(700, ...all.map(([x]) => x + ROOM)),
    Math.max(420, ...all.map(([, y]) => y + 200)),
  ];
}

function Node({
  tool,
  kind,
  place,
  isSelected,
  hasProblem,
  held,
  connections,
  onSelect,
  onMove,
  onHold,
  onDrop,
  onCut,
}) {
  const grip = useRef(/** @type {any} */ (null));
  const grab = (event) => {
    grip.current = { x: event.clientX - place[0], y: event.clientY - place[1] };
    event.currentTarget.setPointerCapture(event.pointerId);
    onSelect(tool.id);
  };
  const drag = (event) =>
    grip.current &&
    onMove(tool.id, [
      Math.max(0, event.clientX - grip.current.x),
      Math.max(0, event.clientY - grip.current.y),
    ]);
  const keys = {
    ArrowLeft: [-STEP, 0],
    ArrowRight: [STEP, 0],
    ArrowUp: [0, -STEP],
    ArrowDown: [0, STEP],
  };
  const nudge = (event) => {
    const step = keys[event.key];
    if (!step) return;
    event.preventDefault();
    onMove(tool.id, [Math.max(0, place[0] + step[0]), Math.max(0, place[1] + step[1])]);
  };
  const joints = (port) =>
    connections.filter((joint) => joint.to === tool.id && joint.to_port === port.name);
  return html`<div class="node ${isSelected ? "selected" : ""} ${hasProblem ? "wrong" : ""}"
    style=${{ left: `${place[0]}px`, top: `${place[1]}px` }}>
    <button class="node-head" aria-pressed=${isSelected} onPointerDown=${grab} onPointerMove=${drag}
      onPointerUp=${() => (grip.current = null)}
      onClick=${() => onSelect(tool.id)} onKeyDown=${nudge}>
        ${tool.id}${tool.id !== tool.name && html`<small>${tool.name}</small>`}</button>
    <div class="ports"><ul>${(kind?.inputs ?? []).map((port) => html`<li key=${port.name}><${Input}
      tool=${tool} port=${port} held=${held} joints=${joints(port)} onDrop=${onDrop}
        onCut=${onCut} /></li>`)}</ul>
      <ul class="out">${(kind?.outputs ?? []).map((port) => html`<li key=${port.name}><${Output}
        tool=${tool} port=${port} held=${held} onHold=${onHold} /></li>`)}</ul></div>
    ${!kind && html`<p class="small bad tone">${t("No machine has this tool.")}</p>`}</div>`;
}

function Input({ tool, port, held, joints, onDrop, onCut }) {
  const isOpen = held && held.id !== tool.id && fits(held.port, port);
  const act = () => (held ? onDrop(tool.id, port) : joints.length && onCut(joints.at(-1)));
  const from = joints.map((joint) => `${joint.from}.${joint.from_port}`).join(", ");
  const said = from
    ? t("input {port} of {tool} ({type}), joined with {from}; press to cut", {
        port: port.name,
        tool: tool.id,
        type: port.type,
        from,
      })
    : t("input {port} of {tool} ({type})", { port: port.name, tool: tool.id, type: port.type });
  return html`<button class="port ${held ? (isOpen ? "open" : "shut") : ""} ${joints.length ? "joined" : ""}"
    data-input="${tool.id}/${port.name}" data-port="in/${tool.id}/${port.name}"
    aria-label=${said} title="${port.type}${port.accepts?.length ? `, ${port.accepts.join(", ")}` : ""}"
      onClick=${act}><i></i>${port.name}${port.required && !joints.length ? " *" : ""}</button>`;
}

function Output({ tool, port, held, onHold }) {
  const isHeld = held?.id === tool.id && held.port.name === port.name;
  const lift = (event) => {
    event.currentTarget.releasePointerCapture?.(event.pointerId);
    onHold({ id: tool.id, port, isDragged: true });
  };
  return html`<button class="port ${isHeld ? "open" : ""}" data-port="out/${tool.id}/${port.name}"
    aria-pressed=${isHeld} title=${port.type}
    aria-label=${t("output {port} of {tool} ({type})", { port: port.name, tool: tool.id, type: port.type })}
    onPointerDown=${lift}
      onClick=${(event) => event.detail === 0 && onHold(isHeld ? null : { id: tool.id, port })}>
        ${port.name}<i></i></button>`;
}

/** Where the ports are on the table, and the wires between them. */
function useWires(table, pipeline, places) {
  const [found, setFound] = useState(/** @type {any} */ ({ lines: [], ports: {} }));
  const measure = () => {
    if (!table.current) return;
    const box = table.current.getBoundingClientRect();
    const ports = {};
    for (const dot of table.current.querySelectorAll("[data-port] i")) {
      const at = dot.getBoundingClientRect();
      ports[dot.parentElement.dataset.port] = [
        at.left + at.width / 2 - box.left,
        at.top + at.height / 2 - box.top,
      ];
    }
    const lines = pipeline.connections.map((joint) => {
      const [start, end] = [
        ports[`out/${joint.from}/${joint.from_port}`],
        ports[`in/${joint.to}/${joint.to_port}`],
      ];
      return start && end && { key: JSON.stringify(joint), d: curve(start, end) };
    });
    setFound({ lines: lines.filter(Boolean), ports });
  };
  useLayoutEffect(measure, [pipeline, places]);
  useEffect(() => {
    addEventListener("resize", measure);
    return () => removeEventListener("resize", measure);
  });
  return found;
}

function curve([x1, y1], [x2, y2]) {
  const bend = Math.max(30, Math.abs(x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}
