/** A state as colour, shape and word together, so that none has to be seen alone. */

import { t } from "../app/language.js";
import { html } from "../app/view.js";

const SHAPES = {
  ok: "M5 0a5 5 0 1 1 0 10A5 5 0 0 1 5 0z",
  warn: "M5 0l5 9.5H0z",
  bad: "M0 0h10v10H0z",
  info: "M5 0l5 5-5 5-5-5z",
  idle: "M5 0a5 5 0 1 1 0 10A5 5 0 0 1 5 0zm0 2.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z",
};

const TONES = {
  ok: [
    "online",
    "healthy",
    "good",
    "ready",
    "up",
    "active",
    "normal",
    "running",
    "succeeded",
    "live",
    "acknowledged",
    "resolved",
  ],
  info: [
    "busy",
    "processing",
    "assigned",
    "printing",
    "preparing",
    "requested",
    "sent",
    "info",
    "draining",
    "connecting",
  ],
  warn: [
    "paused",
    "stale",
    "degraded",
    "maintenance",
    "warning",
    "pending",
    "unseen",
    "idle_threshold",
    "understaffed",
    "WARNING",
    "medium",
  ],
  bad: [
    "failed",
    "error",
    "offline",
    "unhealthy",
    "critical",
    "auth_failed",
    "refused",
    "unreachable",
    "empty",
    "overcrowded",
    "ERROR",
    "CRITICAL",
    "high",
    "stopped",
    "lost",
  ],
};

const TONE_OF = Object.fromEntries(
  Object.entries(TONES).flatMap(([tone, words]) => words.map((word) => [word, tone])),
);
const FINE = new Set(["completed"]);

/**
 * The tone of a state: `ok`, `info`, `warn`, `bad` or `idle`.
 * @param {string} state
 */
export function toneOf(state) {
  return FINE.has(state) ? "ok" : (TONE_OF[state] ?? "idle");
}

/** A state with its shape; `tone` overrules the state's own, `text` its word. */
export function Badge({
  state,
  tone = toneOf(state),
  text = t(String(state).replaceAll("_", " ")),
}) {
  return html`<span class="badge ${tone}"><svg viewBox="0 0 10 10" aria-hidden="true"><path
    d=${SHAPES[tone]} /></svg>${text}</span>`;
}
