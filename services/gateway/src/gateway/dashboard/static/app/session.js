/** Who is logged in and what they may do; the session itself is a cookie that no script reads. */

import { api, refusals } from "./api.js";
import { effect, signal } from "./view.js";

const PATH = "/auth/session";

/** The user; null for nobody, undefined before the first answer. */
export const user = signal(/** @type {any} */ (undefined));

/** The factory's zone. */
export const timezone = signal("UTC");

/** Where MQTT clients connect to. */
export const mqttPort = signal(1883);

/**
 * True when the user has a permission; the rule is the services' own.
 * @param {string} permission
 */
export function may(permission) {
  const held = user.value?.permissions ?? [];
  if (held.includes("*") || held.includes(permission)) return true;
  return permission.endsWith(":read") && held.includes("read");
}

/** Ask who is logged in. */
export async function whoAmI() {
  take(await api(PATH));
}

/**
 * Log in.
 * @param {string} username
 * @param {string} password
 */
export async function logIn(username, password) {
  take(await api(PATH, { method: "POST", body: { username, password } }));
}

/** End the session, here and at the gateway. */
export async function logOut() {
  await api(PATH, { method: "DELETE" });
  user.value = null;
}

function take(answer) {
  timezone.value = answer.timezone;
  mqttPort.value = answer.mqtt_port;
  if (JSON.stringify(user.peek()) !== JSON.stringify(answer.user)) user.value = answer.user;
}

effect(() => {
  if (refusals.value > 0 && user.peek()) whoAmI().catch(() => {});
});
