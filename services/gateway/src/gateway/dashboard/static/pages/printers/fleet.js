/** The printers by id, kept up to date by the socket's events. */

const FINAL = ["completed", "failed", "canceled"];

/**
 * The fleet after one more event of `/ws/printers`.
 * @param {Record<string, any> | null} fleet null before the first state
 * @param {any} event
 * @returns {Record<string, any> | null}
 */
export function withEvent(fleet, event) {
  if (event.type === "printers")
    return Object.fromEntries(event.data.printers.map((one) => [one.printer_id, one]));
  const old = fleet?.[event.printer_id];
  if (!fleet || !old) return fleet;
  if (event.type === "printer_removed") {
    const { [event.printer_id]: _, ...rest } = fleet;
    return rest;
  }
  return { ...fleet, [event.printer_id]: changed(old, event) };
}

/** True when the event is of a printer that the fleet does not know yet. */
export function isStranger(fleet, event) {
  return Boolean(
    fleet &&
    event.printer_id &&
    !fleet[event.printer_id] &&
    event.type.startsWith("printer_") &&
    event.type !== "printer_removed" &&
    event.type !== "printer_key_revoked",
  );
}

function changed(old, { type, data, timestamp }) {
  switch (type) {
    case "printer_status":
      return { ...old, ...data };
    case "printer_readings":
      return { ...old, readings: data.readings, last_seen_at_utc: timestamp };
    case "printer_job":
      return {
        ...old,
        last_seen_at_utc: timestamp,
        current_job: FINAL.includes(data.status) ? null : { ...old.current_job, ...data },
        readings: { ...old.readings, ...data.metrics },
      };
    default:
      return old;
  }
}
