/** The frame around every page: the rail, who is logged in, and what is wrong with the connection. */

import { Questions } from "../parts/dialogs.js";
import { Icon } from "../parts/icons.js";
import { now } from "./clock.js";
import { heardAt, isOnline } from "./connection.js";
import { duration } from "./format.js";
import { LANGUAGES, language, speak, t } from "./language.js";
import { place } from "./routing.js";
import { logOut, user } from "./session.js";
import { theme, wear } from "./theme.js";
import { attempt, dismiss, toasts } from "./toasts.js";
import { html } from "./view.js";

const SECTIONS = [
  ["overview", "Overview"],
  ["vision", "Vision"],
  ["floor", "Floor"],
  ["printers", "Printers"],
  ["devices", "Devices"],
  ["cluster", "Cluster"],
];

/** The rail with its links and the user's choices. */
function Rail() {
  const at = place.value.segments[0] ?? "overview";
  return html`<div class="rail">
    <a class="brand" href="#/overview"><${Logo} /><span class="word">Gemba</span></a>
    <nav aria-label=${t("Main")}><ul>
      ${SECTIONS.map(
        ([
          name,
          text,
        ]) => html`<li><a href="#/${name}" aria-current=${name === at ? "page" : undefined}
          title=${t(text)}>
        <${Icon} name=${name} /><span class="word">${t(text)}</span></a></li>`,
      )}
    </ul></nav>
    <div class="foot">
      <${Choices} />
      <p class="who"><b class="clip">${user.value.name || user.value.username}</b><span
        class="muted">${t(user.value.role)}</span></p>
      <${LogOut} />
    </div>
  </div>`;
}

function Logo() {
  return html`<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7"
    fill="#0b5f77" />
    <path d="M7 23V13l6 4v-4l6 4V9h6v14z" fill="#fff" /><circle cx="22" cy="14" r="1.6"
      fill="#0b5f77" /></svg>`;
}

/** Language and theme. */
export function Choices() {
  const isDark =
    theme.value === "dark" ||
    (theme.value === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  return html`<div class="choices">
    <select aria-label=${t("Language")} value=${language.value}
      onChange=${(event) => speak(event.currentTarget.value)}>
      ${Object.entries(LANGUAGES).map(([code, name]) => html`<option value=${code}
        selected=${code === language.value}>${name}</option>`)}
    </select>
    <button class="button plain" onClick=${() => wear(isDark ? "light" : "dark")}
      aria-label=${isDark ? t("Light") : t("Dark")} title=${isDark ? t("Light") : t("Dark")}>
      <${Icon} name=${isDark ? "sun" : "moon"} /></button>
  </div>`;
}

function LogOut() {
  return html`<button class="button small" onClick=${() => attempt(logOut)}
    aria-label=${t("Log out")} title=${t("Log out")}>
    <${Icon} name="out" /><span class="word">${t("Log out")}</span></button>`;
}

function Lost() {
  if (isOnline.value) return null;
  const age = duration((now.value - heardAt.value) / 1000);
  return html`<div class="banner" role="alert"><${Icon} name="alert" />
    ${t("No connection to Gemba for {age}. What is shown is stale.", { age })}</div>`;
}

function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map(
      (toast) => html`<div class="toast ${toast.tone}" key=${toast.id}>
      <${Icon} name=${toast.tone === "bad" ? "alert" : "check"} /><p>${toast.text}</p>
      <button class="button plain small" aria-label=${t("Close")}
        onClick=${() => dismiss(toast.id)}><${Icon} name="close" /></button>
    </div>`,
    )}
  </div>`;
}

/** The whole frame around a page. */
export function Frame({ children }) {
  return html`<div class="frame">
    <a class="skip" href="#main" onClick=${(event) => {
      event.preventDefault();
      document.getElementById("main")?.focus();
    }}>${t("Skip to the page")}</a>
    <${Rail} />
    <div>
      <${Lost} />
      <main class="page" id="main" tabindex="-1">
        <div class="phone-head"><${Choices} /><${LogOut} /></div>
        <div class=${isOnline.value ? "" : "is-stale"}
          data-stale=${isOnline.value ? undefined : t("Stale: no live connection")}>${children}
            </div>
      </main>
    </div>
    <${Toasts} /><${Questions} />
  </div>`;
}
