/** Events of the mesh in words. */

import { number } from "../../app/format.js";
import { t } from "../../app/language.js";
import { toneOf } from "../../parts/badge.js";

let count = 0;

/**
 * An event as a line of the feed; null for one that is not worth a line.
 * @param {any} event
 */
export function told(event) {
  // The mesh's own socket puts the ids among the data; alerts come there from every service.
  const inner = event.topic ? { ...event.data, ...event } : event;
  if (inner.type === "alert" && !event.topic) return null;
  const tell = TELLERS[inner.type];
  const line = tell?.(inner);
  return line ? { at: inner.timestamp, key: ++count, tone: "idle", ...line } : null;
}

const TELLERS = {
  inspection_status: ({ inspection_id: id, data }) => ({
    icon: "vision",
    who: id,
    href: `#/vision/inspections/${id}`,
    what: t(data.status),
    tone: toneOf(data.status),
  }),
  machine_status: ({ machine_id: id, data }) => ({
    icon: "vision",
    who: id,
    href: `#/vision/machines/${id}`,
    what: t(data.status),
    tone: toneOf(data.status),
  }),
  printer_status: ({ printer_id: id, data }) => ({
    icon: "printers",
    who: id,
    href: `#/printers/${id}`,
    what: t(data.status),
    tone: toneOf(data.status),
  }),
  printer_job: ({ printer_id: id, data }) => ({
    icon: "printers",
    who: id,
    href: `#/printers/${id}`,
    what: `${t(data.status)} ${number(data.progress_percentage, 0)} %`,
    tone: toneOf(data.status),
  }),
  printer_command: ({ printer_id: id, data }) => ({
    icon: "printers",
    who: id,
    href: `#/printers/${id}`,
    what: `${t(data.command ?? "command")}: ${t(data.state ?? "")}`,
    tone: toneOf(data.state),
  }),
  device_readings: ({ data }) => ({
    icon: "devices",
    device: data.device_id,
    who: t("Device {id}", { id: data.device_id }),
    href: `#/devices/${data.device_id}`,
    what: data.readings
      .slice(0, 3)
      .map((one) => `${one.metric} ${number(one.value, 2)}${one.unit && ` ${one.unit}`}`)
      .join(", "),
  }),
  device_created: ({ data }) => ({
    icon: "devices",
    who: data.name ?? String(data.id),
    href: `#/devices/${data.id}`,
    what: t("created"),
  }),
  session_update: ({ event, session }) => ({
    icon: "floor",
    who: session.worker_id,
    href: "#/floor/sessions",
    what: `${t(event)} ${session.zone_id}`,
    tone: event === "idle_start" ? "warn" : "ok",
  }),
  alert: alertLine,
};

function alertLine(event) {
  const alert = event.alert ?? event.data ?? {};
  const tone = alert.severity ? toneOf(alert.severity) : "warn";
  return {
    icon: "alert",
    who: alert.source ?? alert.zone_id ?? alert.component ?? t("Alert"),
    href: "#/overview",
    what: alert.message ?? "",
    tone,
  };
}
