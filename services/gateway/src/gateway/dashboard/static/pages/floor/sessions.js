/** The day's stays, a line a worker: active, idle and unseen along the time. */

import { dateTime, duration, percent, timeOfDay } from "../../app/format.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { api } from "../../app/api.js";
import { amend } from "../../app/routing.js";
import { html, useEffect, useState } from "../../app/view.js";
import { Badge } from "../../parts/badge.js";
import { Choice } from "../../parts/fields.js";
import { Empty, Loaded } from "../../parts/states.js";

const EVERY_MS = 15_000;
const MOST = 100;
const HOURS = { 1: 1, 4: 4, 8: 8, 24: 24 };
const DETAILED = 40;
const SETTLED_MS = 90_000;
const AGAIN_MS = 60_000;
const AT_ONCE = 10;

/** The timeline and the table beneath. */
export function Sessions({ query }) {
  const hours = Number(query.get("hours") ?? 4);
  const zone = query.get("zone") ?? "";
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setNow(Date.now()), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const start = new Date(now - hours * 3_600_000).toISOString();
  const sessions = useResource("/api/v1/sessions", {
    query: { start: start.slice(0, 16) + ":00Z", zone_id: zone, limit: MOST },
    everyMs: EVERY_MS,
  });
  const zones = useResource("/api/v1/zones", { query: { active: true } });
  const ranges = Object.keys(HOURS).map((count) => [count, t("{n} h", { n: count })]);
  return html`<div class="filters"><${Choice} label=${t("Range")} name="hours"
    value=${String(hours)} options=${ranges} onInput=${(value) => amend({ hours: value })} />
      <${Choice} label=${t("Zone")} name="zone" value=${zone}
        options=${[["", t("any")], ...(zones.data?.zones ?? []).map((one) => [one.zone_id, one.name])]}
          onInput=${(value) => amend({ zone: value })} /></div>
    <${Loaded} of=${sessions}>${(data) =>
      data.sessions.length
        ? html`<${Timeline} sessions=${data.sessions} from=${now - hours * 3_600_000} to=${now} />
          <${Table} sessions=${data.sessions} />`
        : html`<section class="card"><${Empty} icon="clock"
          text=${t("Nobody was in a zone in this time.")} /></section>`}<//>`;
}

function Timeline({ sessions, from, to }) {
  const details = useDetails(sessions.slice(0, DETAILED));
  const workers = [
    ...new Map(sessions.map((one) => [one.worker_id, one.worker_name ?? one.worker_id])),
  ];
  const at = (moment) =>
    Math.min(100, Math.max(0, ((Date.parse(moment) - from) / (to - from)) * 100));
  return html`<section class="card"><header><h2>${t("By worker")}</h2><div class="row tight">
    <${Badge} state="active" /><${Badge} state="idle" tone="warn" /><${Badge} state="unseen"
      tone="idle" /></div></header>
    <div class="timeline">${workers.map(
      ([
        id,
        name,
      ]) => html`<div class="track" key=${id}><span class="clip" title=${id}>${name}</span><div
        class="strip">
      ${sessions
        .filter((one) => one.worker_id === id)
        .flatMap((one) =>
          pieces(one, details[one.session_id], to).map(
            (piece, index) => html`<i key=${`${one.session_id}${index}`} class=${piece.state}
        style=${{ left: `${at(piece.from)}%`, width: `${Math.max(0.15, at(piece.to) - at(piece.from))}%` }}
          title="${one.zone_name ?? one.zone_id} · ${t(piece.state)} · ${timeOfDay(piece.from)} – ${timeOfDay(piece.to)}">
            </i>`,
          ),
        )}</div></div>`,
    )}
      <div class="track axis" aria-hidden="true"><span></span><div class="strip bare">
        ${[0, 0.25, 0.5, 0.75, 1].map(
          (share) => html`<span key=${share}
          style=${{ left: `${share * 100}%` }}>${timeOfDay(from + share * (to - from)).slice(0, 5)}
            </span>`,
        )}</div></div></div></section>`;
}

/**
 * The stays' own timelines: once for those that have ended, now and then for those that go on, and
 * not before late frames can no longer make another stay of them.
 */
function useDetails(sessions) {
  const [details, setDetails] = useState(/** @type {Record<string, any>} */ ({}));
  const key = sessions
    .map((one) => `${one.session_id}${one.exit_time ?? one.duration_seconds}`)
    .join(" ");
  useEffect(() => {
    let isCurrent = true;
    const isDue = ({ session_id: id, entry_time: entry }) => {
      const known = details[id];
      if (Date.now() - Date.parse(entry) < SETTLED_MS) return false;
      return !known || (!known.exit_time && Date.now() - known.askedAt > AGAIN_MS);
    };
    const missing = sessions.filter(isDue).slice(0, AT_ONCE);
    (async () => {
      for (const one of missing) {
        const detail = await api(`/api/v1/sessions/${encodeURIComponent(one.session_id)}`).catch(
          () => null,
        );
        if (!isCurrent) return;
        if (detail)
          setDetails((old) => ({ ...old, [one.session_id]: { ...detail, askedAt: Date.now() } }));
      }
    })();
    return () => {
      isCurrent = false;
    };
  }, [key]);
  return details;
}

/** A stay as pieces of one state each. */
function pieces(session, detail, now) {
  const end = session.exit_time ?? new Date(now).toISOString();
  const turns = (detail?.timeline ?? []).filter((turn) => turn.event !== "exit");
  if (!turns.length)
    return [
      {
        from: session.entry_time,
        to: end,
        state: session.state === "completed" ? "active" : session.state,
      },
    ];
  return turns.map((turn, index) => ({
    from: turn.timestamp,
    to: turns[index + 1]?.timestamp ?? end,
    state: turn.state,
  }));
}

function Table({ sessions }) {
  return html`<section class="card spaced"><div class="table-wrap" tabindex="0" role="region"
    aria-label=${t("Sessions")}><table>
    <thead><tr><th>${t("Worker")}</th><th>${t("Zone")}</th><th>${t("State")}</th><th>${t("Entered")}
      </th><th class="num">${t("Active")}</th><th class="num">${t("Idle")}</th><th class="num">
        ${t("Unseen")}</th><th class="num">${t("Productivity")}</th></tr></thead>
    <tbody>${sessions.map(
      (one) => html`<tr key=${one.session_id}><td>${one.worker_name ?? one.worker_id}</td><td>
        ${one.zone_name ?? one.zone_id}</td><td><${Badge} state=${one.state}
          tone=${one.state === "idle" ? "warn" : undefined} /></td>
      <td class="nowrap">${dateTime(one.entry_time)}</td><td class="num nowrap">
        ${duration(one.total_active_seconds)}</td><td class="num nowrap">
          ${duration(one.total_idle_seconds)}</td>
      <td class="num nowrap">${duration(one.unseen_seconds)}</td><td class="num">
        ${percent(one.productivity)}</td></tr>`,
    )}</tbody></table></div></section>`;
}
