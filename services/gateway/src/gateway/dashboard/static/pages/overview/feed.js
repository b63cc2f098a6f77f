/** What happens now, newest first, and how much of it. */

import { timeOfDay } from "../../app/format.js";
import { t } from "../../app/language.js";
import { html } from "../../app/view.js";
import { Badge } from "../../parts/badge.js";
import { Icon } from "../../parts/icons.js";
import { Empty } from "../../parts/states.js";

/** The card with the live events. */
export function Feed({ feed, devices }) {
  const { lines, states } = feed;
  const names = Object.fromEntries((devices?.results ?? []).map((one) => [one.id, one.name]));
  const sources = Object.values(states);
  const isLive = sources.includes("live");
  return html`<section class="card" aria-labelledby="feed-title">
    <header><h2 id="feed-title">${t("Live events")}</h2>
      <div class="row"><${Badge} state=${isLive ? "live" : "lost"}
        text=${isLive ? t("live") : t("not live")} /></div></header>
    ${
      lines.length
        ? html`<ol class="feed">${lines.map(
            (line) => html`<li key=${line.key}>
      <span class="muted mono">${timeOfDay(line.at)}</span><span class="${line.tone} tone"><${Icon}
        name=${line.icon} /></span>
      <a href=${line.href}>${names[line.device] ?? line.who}</a><span class="grow">${line.what}
        </span></li>`,
          )}</ol>`
        : html`<${Empty} icon="clock"
          text=${t("Nothing has happened since this page was opened.")} />`
    }
  </section>`;
}
