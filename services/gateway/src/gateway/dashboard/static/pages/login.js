/** The way in. */

import { Choices } from "../app/frame.js";
import { t } from "../app/language.js";
import { logIn } from "../app/session.js";
import { html, useEffect, useState } from "../app/view.js";
import { Field } from "../parts/fields.js";
import { Icon } from "../parts/icons.js";

/** User name and password; what is wrong is said in words. */
export default function Login() {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    document.title = `${t("Log in")} · Gemba`;
  });
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await logIn(username, password);
    } catch (error) {
      setProblem(worded(error));
      setBusy(false);
    }
  };
  return html`<main class="login"><form class="card" onSubmit=${submit}>
    <div><h1>Gemba</h1><p class="muted">${t("See the factory.")}</p></div>
    <${Field} label=${t("User name")} name="username" value=${username} onInput=${setUsername}
      required autocomplete="username" autofocus autocapitalize="none" />
    <${Field} label=${t("Password")} name="password" type="password" value=${password}
      onInput=${setPassword} required autocomplete="current-password" />
    ${problem && html`<p class="note bad" role="alert"><${Icon} name="alert" />${problem}</p>`}
    <button class="button main" disabled=${isBusy}>${t("Log in")}</button>
    <${Choices} />
  </form></main>`;
}

function worded(error) {
  if (error.status === 401) return t("User name or password is wrong.");
  if (error.status === 429) return t("Too many tries; wait a minute.");
  return t(error.message);
}
