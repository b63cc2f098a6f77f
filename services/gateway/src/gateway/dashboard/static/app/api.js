/** Calls to the public API: the session's cookie, the header of our pages, and errors as one kind. */

import { language } from "./language.js";
import { signal } from "./view.js";

const TIMEOUT_MS = 30_000;

/** Counts answers of 401; who watches it asks for a new login. */
export const refusals = signal(0);

/** An answer that is no success, in any of the four families' styles. */
export class ApiError extends Error {
  /**
   * @param {number} status 0 when nobody answered
   * @param {string} message
   * @param {Record<string, string>} [fields] what is wrong with each field
   */
  constructor(status, message, fields = {}) {
    super(message);
    this.status = status;
    this.fields = fields;
  }
}

/**
 * Call the API.
 * @param {string} path
 * @param {{method?: string, body?: unknown, query?: Record<string, unknown>, signal?: AbortSignal,
 *   timeoutMs?: number, as?: "json" | "response"}} [options]
 * @returns {Promise<any>} the body, or the whole response with `as: "response"`
 */
export async function api(path, options = {}) {
  const { method = "GET", body, query, timeoutMs = TIMEOUT_MS, as = "json" } = options;
  const signals = [AbortSignal.timeout(timeoutMs), options.signal].filter(Boolean);
  const isForm = body instanceof FormData;
  const headers = { Accept: "application/json", "Accept-Language": `${language.value}, en;q=0.5` };
  if (method !== "GET") headers["X-Gemba-Page"] = "1";
  if (body !== undefined && !isForm) headers["Content-Type"] = "application/json";
  const request = {
    method,
    headers,
    signal: AbortSignal.any(signals),
    body: isForm ? body : body === undefined ? undefined : JSON.stringify(body),
  };
  const answer = await fetch(addressed(path, query), request).catch((error) => {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, error.name === "TimeoutError" ? "No answer in time." : "No connection.");
  });
  if (!answer.ok) throw await refusal(answer);
  if (as === "response") return answer;
  return answer.status === 204 ? null : answer.json().catch(() => null);
}

function addressed(path, query) {
  const given = Object.entries(query ?? {}).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );
  if (!given.length) return path;
  return `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

async function refusal(answer) {
  if (answer.status === 401) refusals.value += 1;
  const body = await answer.json().catch(() => ({}));
  const error = body?.error ?? {};
  const fields = fieldsOf(error.details ?? body?.errors ?? body);
  const text =
    error.message ?? body?.message ?? (typeof body?.detail === "string" ? body.detail : null);
  const first = Object.entries(fields)[0];
  const message = text ?? (first ? `${first[0]}: ${first[1]}` : `HTTP ${answer.status}`);
  return new ApiError(answer.status, message, fields);
}

function fieldsOf(details) {
  if (Array.isArray(details?.detail)) {
    return Object.fromEntries(details.detail.map((one) => [String(one.loc?.at(-1)), one.msg]));
  }
  const inner = details?.fields ?? details ?? {};
  const lists = Object.entries(inner).filter(([, value]) => Array.isArray(value));
  return Object.fromEntries(lists.map(([name, value]) => [name, value.map(worded).join(" ")]));
}

function worded(value) {
  return typeof value === "string" ? value : (value?.message ?? JSON.stringify(value));
}
