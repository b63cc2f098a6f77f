/** The floor as it happens: who is in which zone, kept right by asking after each change. */

import { api } from "../../app/api.js";
import { useLive } from "../../app/live.js";
import { useEffect, useRef, useState } from "../../app/view.js";

const AT_MOST_EVERY_MS = 1500;

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
    if (due.current.size) timer.current ||= setTimeout(ask, AT_MOST_EVERY_MS);
  };
  useEffect(() => {
    for (const id of ids.split(" ").filter(Boolean)) due.current.add(id);
    ask();
    return () => clearTimeout(timer.current);
  }, [ids]);
  const all = () => want(ids.split(" "));
  const state = useLive(ids ? "/ws/tracking" : null, {
    onEvent: (event) => {
      if (event.type === "zone_update") want([event.zone_id]);
      else if (event.type === "session_update") want([event.session.zone_id]);
    },
    onResync: all,
  });
  return { occupancy, state: ids ? state : "live" };
}
