/** A small line without axes, for a trend beside a number. */

import { html } from "../app/view.js";

const WIDTH = 120;
const HEIGHT = 24;

/** Values from left to right; `label` says what they are. */
export function Sparkline({ values, label }) {
  const most = Math.max(1, ...values);
  const step = WIDTH / Math.max(1, values.length - 1);
  const points = values.map(
    (value, index) =>
      `${(index * step).toFixed(1)},${(HEIGHT - 1 - (value / most) * (HEIGHT - 3)).toFixed(1)}`,
  );
  return html`<svg class="sparkline" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none"
    role="img" aria-label=${label}><polyline points=${points.join(" ")} /></svg>`;
}
