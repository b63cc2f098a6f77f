/** Numbers, times and lengths of time, in the user's language and the factory's zone. */

import { locale, t } from "./language.js";
import { timezone } from "./session.js";

const made = new Map();

function format(Kind, options) {
  const key = `${Kind.name}${locale.value}${JSON.stringify(options)}`;
  let found = made.get(key);
  if (!found) made.set(key, (found = new Kind(locale.value, options)));
  return found;
}

/**
 * A number with at most so many decimals; a dash for none.
 * @param {number | null | undefined} value
 * @param {number} [decimals]
 */
export function number(value, decimals = 0) {
  if (value === null || value === undefined || !Number.isFinite(Number(value))) return "–";
  return format(Intl.NumberFormat, { maximumFractionDigits: decimals }).format(Number(value));
}

/**
 * A share of one as a percentage.
 * @param {number | null | undefined} share
 */
export function percent(share) {
  return share === null || share === undefined ? "–" : `${number(share * 100, 1)} %`;
}

/**
 * Date and time of day.
 * @param {string | number | null | undefined} moment
 */
export function dateTime(moment) {
  if (moment === null || moment === undefined) return "–";
  return format(Intl.DateTimeFormat, {
    dateStyle: "medium",
    timeStyle: "medium",
    timeZone: timezone.value,
  }).format(new Date(moment));
}

/**
 * Time of day alone.
 * @param {string | number | null | undefined} moment
 */
export function timeOfDay(moment) {
  if (moment === null || moment === undefined) return "–";
  return format(Intl.DateTimeFormat, { timeStyle: "medium", timeZone: timezone.value }).format(
    new Date(moment),
  );
}

/**
 * A length of time in its two largest units.
 * @param {number | null | undefined} seconds
 */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days) return t("{d} d {h} h", { d: days, h: hours });
  if (hours) return t("{h} h {m} min", { h: hours, m: minutes });
  if (minutes) return t("{m} min {s} s", { m: minutes, s: whole % 60 });
  return t("{s} s", { s: whole });
}

/**
 * A size in bytes.
 * @param {number | null | undefined} bytes
 */
export function bytes(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  const step = bytes < 1 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${number(bytes / 1024 ** step, step ? 1 : 0)} ${["B", "KiB", "MiB", "GiB", "TiB"][step]}`;
}
