/** A second hand: what shows an age reads it and is drawn again. */

import { signal } from "./view.js";

/** Now, in milliseconds, by the second. */
export const now = signal(Date.now());

setInterval(() => (now.value = Date.now()), 1000);
