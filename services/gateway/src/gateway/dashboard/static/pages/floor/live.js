/** The floor as it happens: who is in which zone, kept right by asking after each change. */

import { api } from "../../app/api.js";
import { useLive } from "../../app/live.js";
import { useEffect, useRef, useState } from "../../app/view.js";

const LEAST_PAUSE_MS = 5000;
const A_ZONE_MS = 1000;

/**
 * Occupancy by zone of these zones, and the socket's state.
 * @param {any[] | undefined} zones
 */
export function useFloor(zones) {
  const [occupancy, setOccupancy] = useState(/** @type {Record<string, any>} */ ({}));
  const due = useRef(new Set());
  const timer = useRef(0);
  const ids = (zones ?? []).map((one) => one.zone_id).join(" ");
  const ask = () => {
    timer.current = 0;
    const asked = [...due.current];
    due.current.clear();
    for (const id of asked) {
      api(`/api/v1/zones/${encodeURIComponent(id)}/occupancy`).then(
        (answer) => setOccupancy((old) => ({ ...old, [id]: answer })),
        () => {},
      );
    }
  };
  const want = (some) => {
    for (const id of some) if (ids.split(" ").includes(id)) due.current.add(id);
    // At most one question a second on average, whatever happens: the limit is the person's own.
    const pause = Math.max(LEAST_PAUSE_MS, A_ZONE_MS * ids.split(" ").length);
    if (due.current.size) timer.current ||= setTimeout(ask, pause);
  };
  useEffect(() => {
    for (const id of ids.split(" ").filter(Boolean)) due.current.add(id);
    ask();
    return () => clearTimeout(timer.current);
  }, [ids]);
  const all = () => want(ids.split(" "));
  const state = useLive(ids ? "/ws/tracking" : null, {
    onEvent: (event) => {
      if (event.type === "zone_update") {
        setOccupancy((old) => withUpdate(old, event));
        want([event.zone_id]);
      } else if (event.type === "session_update") want([event.session.zone_id]);
    },
    onResync: all,
  });
  return { occupancy, state: ids ? state : "live" };
}

/** Occupancy after an update, which tells no names: those that are known stay. */
function withUpdate(occupancy, { zone_id: id, timestamp, data }) {
  const old = occupancy[id];
  if (!old) return occupancy;
  const known = new Map(old.workers.map((worker) => [worker.session_id, worker]));
  const workers = data.active_sessions.map((session) => {
    const entry = new Date(Date.parse(timestamp) - session.duration * 1000).toISOString();
    return { name: null, entry_time: entry, ...known.get(session.session_id), ...session };
  });
  const count = data.workers_count;
  const status = statusOf(count, old);
  return { ...occupancy, [id]: { ...old, current_count: count, status, workers } };
}

/** The contract's word for so many people where so many are wanted. */
function statusOf(count, { min_workers: least, max_workers: most }) {
  if (most !== null && count > most) return "overcrowded";
  if (count >= least) return "normal";
  return count === 0 ? "empty" : "understaffed";
}
