/** Short news at the edge of the screen: what was done, or why it was not. */

import { t } from "./language.js";
import { signal } from "./view.js";

const SHOWN_MS = 6000;
const MOST = 4;
let count = 0;

/** What is shown now. */
export const toasts = signal(/** @type {{id: number, tone: string, text: string}[]} */ ([]));

/**
 * Tell the user something.
 * @param {string} text
 * @param {string} [tone] `ok` or `bad`
 */
export function tell(text, tone = "ok") {
  const id = ++count;
  toasts.value = [...toasts.value.slice(1 - MOST), { id, tone, text }];
  setTimeout(() => dismiss(id), SHOWN_MS);
}

/**
 * Take one away.
 * @param {number} id
 */
export function dismiss(id) {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/**
 * Do something and tell how it went.
 * @template T
 * @param {() => Promise<T>} action
 * @param {string} [done] what to say when it went well
 * @returns {Promise<T | undefined>}
 */
export async function attempt(action, done) {
  try {
    const result = await action();
    if (done) tell(done);
    return result;
  } catch (error) {
    tell(t(error.message), "bad");
    return undefined;
  }
}
