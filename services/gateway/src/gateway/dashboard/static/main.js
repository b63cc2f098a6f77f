/** Starts the dashboard: asks who is there, then shows the page of the present place. */

import { watchConnection } from "./app/connection.js";
import { Frame } from "./app/frame.js";
import { language, speak, t } from "./app/language.js";
import { place } from "./app/routing.js";
import { user, whoAmI } from "./app/session.js";
import { theme, wear } from "./app/theme.js";
import { html, render, useEffect, useState } from "./app/view.js";
import Login from "./pages/login.js";
import { Empty, Loading, Wrong } from "./parts/states.js";

const PAGES = {
  overview: () => import("./pages/overview/overview.js"),
  vision: () => import("./pages/vision/vision.js"),
  floor: () => import("./pages/floor/floor.js"),
  printers: () => import("./pages/printers/printers.js"),
  devices: () => import("./pages/devices/devices.js"),
  cluster: () => import("./pages/cluster/cluster.js"),
};

function Page() {
  const section = place.value.segments[0] ?? "overview";
  const [shown, setShown] = useState(/** @type {any} */ ({ section: "" }));
  useEffect(() => {
    const load = PAGES[section];
    if (!load) return;
    load().then(
      (module) => setShown({ section, Component: module.default }),
      (error) => setShown({ section, error }),
    );
  }, [section]);
  if (!PAGES[section])
    return html`<${Empty} text=${t("There is no such page.")}><a href="#/overview">${t("Overview")}
      </a><//>`;
  if (shown.section !== section) return html`<${Loading} />`;
  if (shown.error) return html`<${Wrong} error=${shown.error} />`;
  return html`<${shown.Component} rest=${place.value.segments.slice(1)}
    query=${place.value.query} />`;
}

function App() {
  if (user.value === undefined) return html`<${Loading} />`;
  if (user.value === null) return html`<${Login} />`;
  return html`<${Frame}><${Page} key=${language.value} /><//>`;
}

async function start() {
  wear(theme.value);
  const speaking = speak(language.value);
  await whoAmI().catch(() => (user.value = null));
  await speaking;
  watchConnection();
  const root = /** @type {Element} */ (document.getElementById("app"));
  root.replaceChildren();
  render(html`<${App} />`, root);
}

start();
