/** Vision nodes and Dask workers, stopped and restarted by operations that are seen through. */

import { api } from "../../app/api.js";
import { number } from "../../app/format.js";
import { t } from "../../app/language.js";
import { useResource } from "../../app/resource.js";
import { may } from "../../app/session.js";
import { attempt } from "../../app/toasts.js";
import { html, useEffect, useState } from "../../app/view.js";
import { Ago } from "../../parts/ages.js";
import { Badge } from "../../parts/badge.js";
import { confirmed } from "../../parts/dialogs.js";
import { Icon } from "../../parts/icons.js";
import { Empty, Loaded } from "../../parts/states.js";

const EVERY_MS = 5000;
const LOOK_MS = 1000;
const OVER = ["completed", "succeeded", "failed", "timed_out", "cancelled"];

/** A card a worker. */
export function Workers() {
  const workers = useResource("/workers", { everyMs: EVERY_MS });
  return html`<${Loaded} of=${workers}>${(data) =>
    data.length
      ? html`<div class="grid cols-3">${data.map((one) => html`<${Worker} key=${one.id}
        worker=${one} reload=${workers.reload} />`)}</div>`
      : html`<section class="card"><${Empty} icon="cluster"
        text=${t("No compute worker has registered yet.")} /></section>`}<//>`;
}

function Worker({ worker, reload }) {
  const [operation, setOperation] = useState(worker.operation ?? "");
  useEffect(() => {
    if (worker.operation) setOperation(worker.operation);
  }, [worker.operation]);
  const order = async (action) => {
    const asks = {
      stop: [
        t("Stop {name}?", { name: worker.name }),
        t("It finishes what it has, then takes nothing more."),
      ],
      restart: [
        t("Restart {name}?", { name: worker.name }),
        t("It finishes what it has; a new process takes its place."),
      ],
    }[action];
    if (
      !(await confirmed({
        title: asks[0],
        text: asks[1],
        action: action === "stop" ? t("Stop") : t("Restart"),
        isDangerous: action === "stop",
      }))
    )
      return;
    const answer = await attempt(() =>
      api(`/workers/${encodeURIComponent(worker.id)}/${action}`, { method: "POST" }),
    );
    if (answer) setOperation(answer.operation_id);
  };
  return html`<section class="card"><header><h2>${worker.name}</h2><${Badge}
    state=${worker.status} /></header><div class="stack">
    <dl class="facts"><dt>${t("Kind")}</dt><dd>${worker.kind}</dd><dt>${t("Address")}</dt><dd
      class="mono">${worker.address}</dd><dt>${t("Works on")}</dt><dd>
        ${number(worker.current_tasks)}</dd>
      ${worker.cpu_percent != null && html`<dt>${t("Processor")}</dt><dd>
        ${number(worker.cpu_percent)} %</dd>`}${worker.memory_percent != null && html`<dt>
          ${t("Memory")}</dt><dd>${number(worker.memory_percent)} %</dd>`}
      <dt>${t("Last heard")}</dt><dd><${Ago} at=${worker.last_seen} /></dd></dl>
    ${operation && html`<${Operation} key=${operation} id=${operation} onEnd=${reload} />`}
    ${may("config") && html`<div class="row"><button class="button"
      onClick=${() => order("restart")}><${Icon} name="repeat" />${t("Restart")}</button><button
        class="button danger" onClick=${() => order("stop")}><${Icon} name="stop" />${t("Stop")}
          </button></div>`}</div></section>`;
}

/** How far an order has come, until it is over. */
function Operation({ id, onEnd }) {
  const [operation, setOperation] = useState(/** @type {any} */ (null));
  const isOver = OVER.includes(operation?.status);
  useEffect(() => {
    if (isOver) {
      onEnd();
      return undefined;
    }
    const timer = setInterval(
      async () => setOperation(await api(`/operations/${id}`).catch(() => null)),
      LOOK_MS,
    );
    return () => clearInterval(timer);
  }, [isOver]);
  if (!operation) return html`<p class="loading">${t("Requested…")}</p>`;
  return html`<div class="operation" role="status"><div class="row spread"><span>
    ${t(operation.action)}: ${t(operation.message || operation.status)}</span><${Badge}
      state=${operation.status}
        tone=${operation.status === "failed" ? "bad" : isOver ? "ok" : "info"} /></div>
    <div class="bar"><i style=${{ width: `${operation.progress ?? 0}%` }}></i></div>
      ${operation.error && html`<p class="small bad tone">${operation.error}</p>`}</div>`;
}
