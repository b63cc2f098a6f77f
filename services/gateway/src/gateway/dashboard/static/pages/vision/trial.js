/** A trial: the pipeline on one uploaded picture, with what every tool made of it. */

import { api } from "../../app/api.js";
import { number } from "../../app/format.js";
import { t } from "../../app/language.js";
import { LiveSocket } from "../../app/live.js";
import { tell } from "../../app/toasts.js";
import { html, useEffect, useRef, useState } from "../../app/view.js";
import { Badge } from "../../parts/badge.js";
import { Loading } from "../../parts/states.js";
import { Pictured } from "./overlay.js";
import { Results, ToolTimes } from "./results.js";

const PATIENCE_MS = 60_000;
const FINAL = ["completed", "failed", "cancelled"];

/** The trial under way or done; `start` takes a picture and a pipeline. */
export function useTrial() {
  const [state, setState] = useState(
    /** @type {any} */ ({ isBusy: false, record: null, url: null }),
  );
  const url = useRef("");
  useEffect(() => () => URL.revokeObjectURL(url.current), []);
  const start = async (picture, body) => {
    if (!picture) return;
    URL.revokeObjectURL(url.current);
    url.current = URL.createObjectURL(picture);
    setState({ isBusy: true, record: null, url: url.current });
    try {
      const record = await inspected(picture, body);
      setState({ isBusy: false, record, url: url.current });
    } catch (error) {
      tell(t(error.message), "bad");
      setState({ isBusy: false, record: null, url: null });
    }
  };
  return { ...state, start, clear: () => setState({ isBusy: false, record: null, url: null }) };
}

async function inspected(picture, body) {
  const form = new FormData();
  form.append("file", picture);
  const { image_id: imageId } = await api("/api/v1/images/", { method: "POST", body: form });
  const made = await api("/api/v1/inspections/", { method: "POST", body: onUpload(body, imageId) });
  await ended(made.id);
  return api(`/api/v1/inspections/${made.id}/`);
}

/** The same pipeline with every source set to the upload. */
function onUpload(body, imageId) {
  const tools = body.pipeline_config.tools.map((tool) =>
    tool.name === "image_source"
      ? { ...tool, parameters: { source_type: "upload", image_id: imageId } }
      : tool,
  );
  return {
    ...body,
    name: t("Trial of {name}", { name: body.name }),
    priority: 2,
    pipeline_config: { ...body.pipeline_config, tools },
  };
}

function ended(id) {
  return new Promise((resolve, reject) => {
    const finish = (act) => {
      clearTimeout(timer);
      socket.close();
      act();
    };
    const timer = setTimeout(
      () =>
        finish(() => reject(new Error(t("No result within a minute; see it under Inspections.")))),
      PATIENCE_MS,
    );
    const socket = new LiveSocket(`/ws/inspections/${id}`, {
      onEvent: (event) =>
        event.type === "inspection_status" &&
        FINAL.includes(event.data.status) &&
        finish(() => resolve(undefined)),
    });
  });
}

/** Picture, overlay and output of the trial. */
export function Trial({ trial, order }) {
  const { record, url, isBusy } = trial;
  if (isBusy) return html`<section class="card"><${Loading} /></section>`;
  if (!record) return null;
  return html`<section class="card trial" aria-labelledby="trial-title"><header><h2
    id="trial-title">${t("Trial")}</h2>
      <div class="row"><${Badge} state=${record.status} />
        ${record.results?.processing_time != null && html`<span>
          ${number(record.results.processing_time * 1000, 1)} ms</span>`}
      <a href="#/vision/inspections/${record.id}">${t("Open the record")}</a></div></header>
    ${record.error_message && html`<p class="note bad">${record.error_message}</p>`}
    <div class="grid split"><${Pictured} src=${url} overlay=${record.results?.overlay}
      alt=${t("The picture of the trial")} />
      <div class="stack"><${Results} results=${record.results} /><h3>${t("Time per tool")}</h3>
        <${ToolTimes} tools=${record.results?.tools} order=${order} /></div></div></section>`;
}
