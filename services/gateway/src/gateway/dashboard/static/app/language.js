/** English, Portuguese and Thai. The English text is the key; a missing one shows in English. */

import { computed, signal } from "./view.js";

/** The languages by their codes, each under its own name. */
export const LANGUAGES = { en: "English", pt: "Português", th: "ไทย" };

const LOCALES = { en: "en-GB", pt: "pt-BR", th: "th-TH-u-ca-gregory-nu-latn" };
const AREAS = ["shell", "vision", "printers", "devices", "floor", "cluster"];
const KEPT_AS = "gemba.language";

const messages = signal(/** @type {Record<string, string>} */ ({}));

/** The language in use. */
export const language = signal(initial());

/** The locale for numbers and dates. */
export const locale = computed(() => LOCALES[language.value]);

function initial() {
  const kept = localStorage.getItem(KEPT_AS);
  if (kept && kept in LANGUAGES) return kept;
  const wished = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES);
  return wished ?? "en";
}

/**
 * The text in the language in use; `{name}` is filled in from `values`.
 * @param {string} text
 * @param {Record<string, unknown>} [values]
 */
export function t(text, values) {
  const found = messages.value[text] ?? text;
  if (!values) return found;
  return found.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * Change the language, for this visit and the next ones.
 * @param {string} code
 */
export async function speak(code) {
  const texts = code === "en" ? {} : await fetched(code);
  messages.value = texts;
  language.value = code;
  document.documentElement.lang = code;
  localStorage.setItem(KEPT_AS, code);
}

async function fetched(code) {
  const files = AREAS.map(async (area) => {
    const answer = await fetch(new URL(`../messages/${code}/${area}.json`, import.meta.url));
    return answer.ok ? answer.json() : {};
  });
  return Object.assign({}, ...(await Promise.all(files)));
}
