/** The camera's picture; zones are drawn over it and edited there, by mouse and by keyboard. */

import { t } from "../../app/language.js";
import { useLive } from "../../app/live.js";
import { html, useEffect, useRef, useState } from "../../app/view.js";

const SNAPSHOT_MS = 5000;
const STEP = 8;

/** Width and height of a camera's pictures. */
function sizeOf(camera) {
  return camera.resolution.split(/[x×]/).map(Number);
}

/** Picture, zones, people; while a zone is drafted, its corners can be set and moved. */
export function Stage({ camera, zones, occupancy, draft, chosen, onChoose, onDraft }) {
  const [width, height] = sizeOf(camera);
  const { picture, people } = usePicture(camera);
  const [broken, setBroken] = useState(false);
  const drawing = useRef(/** @type {any} */ (null));
  const at = (event) => {
    const box = drawing.current.getBoundingClientRect();
    const clamp = (value, most) => Math.round(Math.min(most, Math.max(0, value)));
    return [
      clamp(((event.clientX - box.left) / box.width) * width, width),
      clamp(((event.clientY - box.top) / box.height) * height, height),
    ];
  };
  const addCorner = (event) => {
    if (!draft || event.target.closest("[data-corner]")) return;
    onDraft({ ...draft, polygon_coords: [...draft.polygon_coords, at(event)] });
  };
  const move = (place, corner) =>
    onDraft({
      ...draft,
      polygon_coords: draft.polygon_coords.map((one, index) => (index === place ? corner : one)),
    });
  const remove = (place) =>
    onDraft({
      ...draft,
      polygon_coords: draft.polygon_coords.filter((_, index) => index !== place),
    });
  const shown = zones.filter((zone) => zone.zone_id !== draft?.zone_id || draft.isNew);
  return html`<div class="picture stage ${draft ? "drawing" : ""}"
    style=${{ aspectRatio: `${width} / ${height}` }}>
    ${
      picture && !broken
        ? html`<img src=${picture} onError=${() => setBroken(true)}
      onLoad=${() => setBroken(false)}
        alt=${t("What {camera} sees", { camera: camera.name })} />`
        : html`<p class="no-picture">
          ${t("No picture from this camera yet.")}</p>`
    }
    <svg ref=${drawing} class="zones" viewBox="0 0 ${width} ${height}" onClick=${addCorner}
      role="group" aria-label=${t("Zones of {camera}", { camera: camera.name })}>
      ${shown.map(
        (zone) => html`<${Zone} key=${zone.zone_id} zone=${zone}
        occupancy=${occupancy[zone.zone_id]} isChosen=${zone.zone_id === chosen} size=${width / 55}
          onChoose=${() => !draft && onChoose(zone.zone_id)} />`,
      )}
      ${people.map(
        ([x, y], index) => html`<circle key=${index} class="person" cx=${x} cy=${y}
        r=${width / 110} />`,
      )}
      ${
        draft &&
        html`<polygon class="draft"
          points=${draft.polygon_coords.map((one) => one.join(",")).join(" ")}
            style=${{ color: draft.color }} />
        ${draft.polygon_coords.map(
          (corner, place) => html`<${Corner} key=${place} corner=${corner}
          place=${place} radius=${width / 90} at=${at} onMove=${(to) => move(place, to)}
            onRemove=${() => remove(place)} />`,
        )}`
      }
    </svg></div>
    ${
      draft &&
      html`<p class="muted small">
      ${t("Click into the picture for each corner; drag a corner, or move it with the arrow keys; Delete removes it.")}
        </p>`
    }`;
}

function Zone({ zone, occupancy, isChosen, size, onChoose }) {
  const [x, y] = middle(zone.polygon_coords);
  const count = occupancy?.current_count ?? zone.current_occupancy;
  const key = (event) => ["Enter", " "].includes(event.key) && onChoose();
  return html`<g class="zone ${isChosen ? "chosen" : ""}" style=${{ color: zone.color }}
    tabindex="0" role="button" aria-pressed=${isChosen}
    aria-label=${t("{zone}: {count} people", { zone: zone.name, count })} onClick=${onChoose}
      onKeyDown=${key}>
    <polygon points=${zone.polygon_coords.map((one) => one.join(",")).join(" ")} /><text
      x=${x} y=${y} font-size=${size}>${zone.name} · ${count}</text></g>`;
}

/** Where a zone's name stands: the mean of its corners. */
function middle(corners) {
  const mean = (axis) =>
    corners.reduce((sum, corner) => sum + corner[axis], 0) / Math.max(1, corners.length);
  return [mean(0), mean(1)];
}

function Corner({ corner, place, radius, at, onMove, onRemove }) {
  const isHeld = useRef(false);
  const steps = {
    ArrowLeft: [-STEP, 0],
    ArrowRight: [STEP, 0],
    ArrowUp: [0, -STEP],
    ArrowDown: [0, STEP],
  };
  const key = (event) => {
    if (["Delete", "Backspace"].includes(event.key)) onRemove();
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    onMove([Math.max(0, corner[0] + step[0]), Math.max(0, corner[1] + step[1])]);
  };
  const grab = (event) => {
    isHeld.current = true;
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  return html`<circle data-corner class="corner" cx=${corner[0]} cy=${corner[1]} r=${radius}
    tabindex="0" role="button"
      aria-label=${t("Corner {n} at {x}, {y}", { n: place + 1, x: corner[0], y: corner[1] })}
    onPointerDown=${grab} onPointerMove=${(event) => isHeld.current && onMove(at(event))}
      onPointerUp=${() => (isHeld.current = false)} onKeyDown=${key}
        onClick=${(event) => event.stopPropagation()} />`;
}

/** The live picture of the camera's stream with people's feet; else a snapshot now and then. */
function usePicture(camera) {
  const [picture, setPicture] = useState(/** @type {string | null} */ (null));
  const [people, setPeople] = useState(/** @type {[number, number][]} */ ([]));
  const shown = useRef("");
  const stream = camera.stream?.state === "running" ? camera.stream.inspection_id : null;
  useEffect(() => () => URL.revokeObjectURL(shown.current), []);
  const state = useLive(stream ? `/ws/inspections/${stream}?overlay=plain` : null, {
    onEvent: (event) =>
      event.type === "frame_result" && event.data.tools && setPeople(feet(event.data)),
    onPicture: (blob) => {
      const url = URL.createObjectURL(blob);
      URL.revokeObjectURL(shown.current);
      shown.current = url;
      setPicture(url);
    },
  });
  useEffect(() => {
    if (stream && state === "live" && picture) return undefined;
    const fetchOne = () =>
      setPicture((old) =>
        old?.startsWith("blob:")
          ? old
          : `/api/v1/cameras/${encodeURIComponent(camera.camera_id)}/snapshot?at=${Date.now()}`,
      );
    // Somebody else's eyes may watch a camera; then nobody here has a picture of it.
    if (!stream || !camera.last_seen_at) return undefined;
    fetchOne();
    const timer = setInterval(fetchOne, SNAPSHOT_MS);
    return () => clearInterval(timer);
  }, [stream, state, Boolean(picture), camera.last_seen_at !== null]);
  return { picture, people };
}

/** The bottom centre of every person's box, in the camera's pixels. */
function feet(data) {
  return (data.observations ?? []).map(({ bbox: [x1, , x2, y2] }) => [(x1 + x2) / 2, y2]);
}
