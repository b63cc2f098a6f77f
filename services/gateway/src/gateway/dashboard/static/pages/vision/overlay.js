/** A picture with what the tools drew on it, as vectors that can be switched on and off. */

import { t } from "../../app/language.js";
import { html, useState } from "../../app/view.js";

/** Colours that stay apart for colour-blind eyes (Okabe and Ito, 2008), one a tool. */
const PALETTE = ["#f0e442", "#56b4e9", "#009e73", "#e69f00", "#cc79a7", "#d55e00"];
const ROLES = { pass: "#3cc85a", fail: "#ff4d4d", guide: "#c8c8c8" };

/**
 * The picture and its shapes; `overlay` is the API's (`width`, `height`, `shapes`), `drawn` is a picture that
 * has them in it already, for where no bare one is to be had.
 */
export function Pictured({ src, drawn, overlay, alt }) {
  const [hidden, setHidden] = useState(/** @type {string[]} */ ([]));
  const [broken, setBroken] = useState("");
  const hasBare = Boolean(src) && broken !== src;
  const tools = [...new Set((overlay?.shapes ?? []).map((shape) => shape.tool ?? ""))].sort();
  const toggle = (name) =>
    setHidden(hidden.includes(name) ? hidden.filter((one) => one !== name) : [...hidden, name]);
  const shown = hasBare ? src : drawn;
  const canSwitch = (hasBare || !drawn) && tools.length > 0;
  return html`<div class="stack">
    <div class="picture" style=${overlay?.width ? { aspectRatio: `${overlay.width} / ${overlay.height}` } : {}}>
      ${shown && html`<img src=${shown} alt=${alt} onError=${() => hasBare && setBroken(src)} />`}
      ${overlay && (hasBare || !drawn) && html`<${Shapes} overlay=${overlay} tools=${tools}
        hidden=${hidden} />`}
    </div>
    ${
      canSwitch &&
      html`<div class="row tight" role="group" aria-label=${t("Overlays")}>
      <button class="button small" aria-pressed=${hidden.length === 0}
        onClick=${() => setHidden(hidden.length ? [] : tools)}>${t("All overlays")}</button>
      ${tools.map(
        (
          tool,
          index,
        ) => html`<button key=${tool} class="button small" aria-pressed=${!hidden.includes(tool)}
          onClick=${() => toggle(tool)}>
        <svg class="swatch" viewBox="0 0 8 8" aria-hidden="true"><rect width="8" height="8" rx="1.5"
          fill=${PALETTE[index % PALETTE.length]} /></svg>${tool}</button>`,
      )}
      ${overlay.omitted > 0 && html`<span class="muted small">
        ${t("{n} shapes left out", { n: overlay.omitted })}</span>`}
    </div>`
    }
  </div>`;
}

function Shapes({ overlay, tools, hidden }) {
  const size = Math.max(9, overlay.width / 60);
  const visible = overlay.shapes.filter((shape) => !hidden.includes(shape.tool ?? ""));
  return html`<svg class="shapes" viewBox="0 0 ${overlay.width} ${overlay.height}" role="img"
    aria-label=${t("{n} shapes", { n: visible.length })}>
    ${visible.toReversed().map(
      (shape, index) => html`<${Shape} key=${index} shape=${shape} size=${size}
      color=${ROLES[shape.role] ?? PALETTE[tools.indexOf(shape.tool ?? "") % PALETTE.length]} />`,
    )}
  </svg>`;
}

function Shape({ shape, color, size }) {
  const draw = DRAWERS[shape.kind];
  if (!draw) return null;
  const text = shape.kind === "label" ? shape.text : shape.label;
  const [x, y] = anchor(shape);
  return html`<g style=${{ color }}>${draw(shape, size)}
    ${text && html`<text x=${x} y=${shape.kind === "label" ? y + size : y - size * 0.3}
      font-size=${size}>${text}</text>`}</g>`;
}

const DRAWERS = {
  polygon: ({ points, closed }) =>
    closed
      ? html`<polygon points=${points.map((point) => point.join(",")).join(" ")} />`
      : html`<polyline points=${points.map((point) => point.join(",")).join(" ")} />`,
  box: ({ x, y, width, height }) => html`<rect x=${x} y=${y} width=${width} height=${height} />`,
  circle: ({ cx, cy, radius }) => html`<circle cx=${cx} cy=${cy} r=${radius} />`,
  line: ({ x1, y1, x2, y2 }) => html`<line x1=${x1} y1=${y1} x2=${x2} y2=${y2} />`,
  point: ({ x, y }, size) =>
    html`<path d="M${x - size / 2} ${y}h${size}M${x} ${y - size / 2}v${size}" />`,
  label: () => null,
};

function anchor(shape) {
  switch (shape.kind) {
    case "polygon":
      return [
        Math.min(...shape.points.map(([x]) => x)),
        Math.min(...shape.points.map(([, y]) => y)),
      ];
    case "circle":
      return [shape.cx - shape.radius, shape.cy - shape.radius];
    case "line":
      return [shape.x1, shape.y1];
    default:
      return [shape.x, shape.y];
  }
}
