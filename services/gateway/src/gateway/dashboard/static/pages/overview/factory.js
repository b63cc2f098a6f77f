/** The live picture of the factory: four sockets, gathered into what the overview shows. */

import { gathered } from "../../app/gathering.js";
import { useLive } from "../../app/live.js";
import { useResource } from "../../app/resource.js";
import { may } from "../../app/session.js";
import { useEffect, useMemo, useRef, useState } from "../../app/view.js";
import { withEvent } from "../printers/fleet.js";
import { told } from "./telling.js";

const KEPT = 60;
const RATE_SECONDS = 60;
const DEVICES_MS = 30_000;

/** The last events, and how many came in each of the last sixty seconds. */
class EventLog {
  lines = /** @type {any[]} */ ([]);
  rates = new Array(RATE_SECONDS).fill(0);
  second = Math.floor(Date.now() / 1000);

  /** @param {any[]} events */
  add(events) {
    this.advance();
    this.rates[RATE_SECONDS - 1] += events.length;
    const lines = events.slice(-KEPT).map(told).filter(Boolean);
    if (lines.length) this.lines = [...lines.reverse(), ...this.lines].slice(0, KEPT);
  }

  /** Move on to the present second. */
  advance() {
    const second = Math.floor(Date.now() / 1000);
    const passed = Math.min(RATE_SECONDS, second - this.second);
    if (passed <= 0) return;
    this.rates = [...this.rates.slice(passed), ...new Array(passed).fill(0)];
    this.second = second;
  }
}

/** Everything live that the overview needs. */
export function useFactory() {
  const log = useRef(/** @type {any} */ (null));
  log.current ??= new EventLog();
  const [feed, setFeed] = useState({ lines: [], rates: log.current.rates });
  const [printers, setPrinters] = useState(/** @type {any} */ (null));
  const [floor, setFloor] = useState(/** @type {any} */ (null));
  const devices = useResource("/api/devices/", { query: { page_size: 100 }, everyMs: DEVICES_MS });
  const add = useMemo(
    () =>
      gathered((events) => {
        log.current.add(events);
        setFeed({ lines: log.current.lines, rates: log.current.rates });
        const changed = events.filter((event) => event.type.startsWith("printer"));
        if (changed.length) setPrinters((known) => changed.reduce(withEvent, known));
        const metrics = events.findLast((event) => event.type === "metrics_update");
        if (metrics) setFloor(metrics.metrics);
      }),
    [],
  );
  useEffect(() => () => add.stop(), []);
  useEffect(() => {
    const timer = setInterval(() => {
      log.current.advance();
      setFeed({ lines: log.current.lines, rates: log.current.rates });
    }, 1000);
    return () => clearInterval(timer);
  }, []);
  const states = useSockets(add, devices.reload);
  return { feed: { ...feed, states }, printers, floor, devices };
}

function useSockets(onEvent, reloadDevices) {
  const client = useMemo(() => `/ws/overview-${crypto.randomUUID().slice(0, 8)}`, []);
  const printers = useLive(may("printers:read") ? "/ws/printers" : null, { onEvent });
  const devices = useLive(may("devices:read") ? "/ws/devices" : null, {
    onEvent,
    onResync: reloadDevices,
  });
  const tracking = useLive(may("tracking:read") ? "/ws/tracking" : null, { onEvent });
  const topics = ["inspections", "machines", "alerts"];
  const mesh = useLive(client, {
    onEvent,
    withTicket: true,
    greeting: { type: "subscribe", topics },
  });
  return { printers, devices, tracking, mesh };
}
