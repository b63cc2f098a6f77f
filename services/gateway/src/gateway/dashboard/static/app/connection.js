/** Is anybody there? A heartbeat every second, so that a loss is shown within three. */

import { signal } from "./view.js";

const BEAT_MS = 1000;
const PATIENCE_MS = 1500;

/** True while the gateway answers. */
export const isOnline = signal(true);

/** When the gateway was last heard, in milliseconds. */
export const heardAt = signal(Date.now());

async function beat() {
  try {
    const answer = await fetch("/healthz", {
      signal: AbortSignal.timeout(PATIENCE_MS),
      cache: "no-store",
    });
    isOnline.value = answer.ok;
    if (answer.ok) heardAt.value = Date.now();
  } catch {
    isOnline.value = false;
  }
  setTimeout(beat, BEAT_MS);
}

/** Ask for ever, from now on. */
export function watchConnection() {
  beat();
  addEventListener("offline", () => (isOnline.value = false));
}
