/** What a printer can be told, and what can be done with its registration. */

import { api } from "../../app/api.js";
import { t } from "../../app/language.js";
import { go } from "../../app/routing.js";
import { may } from "../../app/session.js";
import { attempt, tell } from "../../app/toasts.js";
import { html, useState } from "../../app/view.js";
import { CodeLine } from "../../parts/code_line.js";
import { Dialog, confirmed } from "../../parts/dialogs.js";
import { Icon } from "../../parts/icons.js";
import { removed } from "../../parts/removal.js";
import { Onboarding } from "./onboarding_lines.js";

const TAKERS = ["octoprint", "moonraker"];
const ADMITTED = {
  pause: ["printing", "preparing", "pending"],
  resume: ["paused"],
  cancel: ["printing", "paused", "preparing", "pending"],
};

/** Buttons for what its driver takes and its state admits. */
export function Commands({ printer }) {
  const [isBusy, setBusy] = useState(false);
  const status = printer.current_job?.status;
  if (!may("write") || !TAKERS.includes(printer.driver) || !status) return null;
  const texts = {
    pause: [
      t("Pause"),
      "pause",
      t("Pause this print?"),
      t("The nozzle stays hot over the part until it goes on."),
    ],
    resume: [
      t("Resume"),
      "play",
      t("Resume this print?"),
      t("Look whether the part still holds on the bed."),
    ],
    cancel: [t("Cancel print"), "stop", t("Cancel this print?"), t("It cannot be taken up again.")],
  };
  const give = async (name) => {
    const [action, , title, text] = texts[name];
    if (
      !(await confirmed({
        title,
        text: `${printer.name}: ${text}`,
        action,
        isDangerous: name === "cancel",
      }))
    )
      return;
    setBusy(true);
    const command = await attempt(() =>
      api(`/api/printers/${encodeURIComponent(printer.printer_id)}/commands`, {
        method: "POST",
        body: { command: name },
      }),
    );
    setBusy(false);
    if (command) tell(outcome(command), command.state === "failed" ? "bad" : "ok");
  };
  return html`${Object.keys(ADMITTED)
    .filter((name) => ADMITTED[name].includes(status))
    .map(
      (name) => html`<button key=${name} class="button ${name === "cancel" ? "danger" : ""}"
    disabled=${isBusy} onClick=${() => give(name)}><${Icon} name=${texts[name][1]} />
      ${texts[name][0]}</button>`,
    )}`;
}

function outcome(command) {
  if (command.state === "acknowledged") return t("The printer has done it.");
  if (command.state === "failed") return t("It did not work: {error}", { error: command.error });
  return t("Asked; the printer has not shown it yet.");
}

/** Connection lines, a new key, removal. */
export function Keeping({ printer, reload }) {
  const [fresh, setFresh] = useState(/** @type {any} */ (null));
  if (!may("write")) return null;
  const path = `/api/printers/${encodeURIComponent(printer.printer_id)}`;
  const rotate = async () => {
    if (
      !(await confirmed({
        title: t("Give it a new key?"),
        text: t("The old key ends at once; whatever uses it must be told the new one."),
        action: t("New key"),
        isDangerous: true,
      }))
    )
      return;
    const answer = await attempt(() => api(`${path}/rotate-key`, { method: "POST" }));
    if (answer) setFresh(answer);
  };
  const remove = async () => {
    const question = {
      title: t("Remove this printer?"),
      text: t("Its prints stay in the history."),
    };
    if (await removed(path, question)) go("/printers");
  };
  return html`<section class="card"><header><h2>${t("Registration")}</h2></header>
    <div class="row"><button class="button" onClick=${rotate}><${Icon} name="key" />${t("New key")}
      </button><button class="button danger" onClick=${remove}><${Icon} name="trash" />
        ${t("Remove")}</button></div>
    ${
      fresh &&
      html`<${Dialog} title=${t("The new key, shown this once")} isBroad onClose=${() => {
        setFresh(null);
        reload();
      }}>
      <${CodeLine} label=${t("Key")} text=${fresh.api_key} /><${Onboarding} printer=${fresh} /><//>`
    }</section>`;
}
