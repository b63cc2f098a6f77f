/** Questions to the factory in words; the answer streams in, its sources beneath. */

import { ApiError, api } from "../../app/api.js";
import { language, t } from "../../app/language.js";
import { html, useEffect, useRef, useState } from "../../app/view.js";
import { Choice } from "../../parts/fields.js";
import { LANGUAGES } from "../../app/language.js";
import { Icon } from "../../parts/icons.js";

const PATIENCE_MS = 120_000;
const EXAMPLES = {
  en: [
    "How productive is each zone today?",
    "Who was idle longest today?",
    "Which alerts are open?",
  ],
  pt: [
    "Qual a produtividade de cada zona hoje?",
    "Quem ficou mais tempo ocioso hoje?",
    "Que alertas estão abertos?",
  ],
  th: ["วันนี้แต่ละโซนมีประสิทธิภาพเท่าไร", "วันนี้ใครว่างงานนานที่สุด", "มีการแจ้งเตือนอะไรเปิดอยู่บ้าง"],
};

/** The conversation; each answer keeps its sources. */
export function Ask() {
  const [spoken, setSpoken] = useState(language.value);
  const [text, setText] = useState("");
  const [turns, setTurns] = useState(/** @type {any[]} */ ([]));
  const ended = useRef(new AbortController());
  useEffect(() => () => ended.current.abort(), []);
  const change = (index, part) =>
    setTurns((old) =>
      old.map((turn, place) => (place === index ? { ...turn, ...part(turn) } : turn)),
    );
  const ask = async (question) => {
    if (!question.trim()) return;
    const index = turns.length;
    setTurns((old) => [...old, { question, answer: "", sources: [], isBusy: true }]);
    setText("");
    try {
      for await (const piece of streamed(question, spoken, ended.current.signal)) {
        if (piece.type === "chunk")
          change(index, (turn) => ({ answer: turn.answer + piece.content }));
        else if (piece.type === "final")
          change(index, (turn) => ({
            answer: piece.answer ?? turn.answer,
            reasoning: piece.reasoning,
            sources: piece.sources ?? [],
            model: piece.model,
          }));
        else if (piece.type === "error") throw new ApiError(503, piece.message ?? t("No answer."));
      }
      change(index, () => ({ isBusy: false }));
    } catch (error) {
      if (!ended.current.signal.aborted)
        change(index, () => ({ isBusy: false, error: t(error.message) }));
    }
  };
  return html`<div class="ask stack"><div class="turns" aria-live="polite">
    ${turns.map((turn, index) => html`<${Turn} key=${index} turn=${turn} />`)}
      ${
        !turns.length &&
        html`<section class="card stack"><p class="muted">
          ${t("Answers come from the factory's own figures, with their sources; nothing is made up.")}
            </p>
        <div class="row tight">${EXAMPLES[spoken].map((example) => html`<button key=${example}
          lang=${spoken} class="button small" onClick=${() => ask(example)}>${example}</button>`)}
            </div></section>`
      }</div>
    <form class="card row" onSubmit=${(event) => {
      event.preventDefault();
      ask(text);
    }}>
      <div class="grow field"><label for="question">${t("Question")}</label><input id="question"
        lang=${spoken} value=${text} maxlength="1000"
          onInput=${(event) => setText(event.currentTarget.value)} required /></div>
      <${Choice} label=${t("Language")} name="ask-language" value=${spoken}
        options=${Object.entries(LANGUAGES)} onInput=${setSpoken} />
      <button class="button main"><${Icon} name="chat" />${t("Ask")}</button></form></div>`;
}

function Turn({ turn }) {
  return html`<section class="card stack"><p class="question"><${Icon}
    name="chat" /> ${turn.question}</p>
    ${turn.answer && html`<div class="answer">${turn.answer.split("\n").map((line, index) => html`<p
      key=${index}>${emphasised(line)}</p>`)}</div>`}
    ${turn.isBusy && html`<p class="loading">${t("Looking it up…")}</p>`}${turn.error && html`<p
      class="note bad" role="alert">${turn.error}</p>`}
    ${turn.reasoning && html`<details><summary>${t("How it was found")}</summary><p class="small">
      ${turn.reasoning}</p></details>`}
    ${
      turn.sources.length > 0 &&
      html`<details open><summary>${t("Sources")} (${turn.sources.length})</summary><ul
        class="stack sources">${turn.sources.map(
        (
          source,
          index,
        ) => html`<li key=${index}><b>${source.type === "sql" ? source.query : source.collection}
          </b>
      ${source.score !== undefined && html` <span class="muted small">${source.score}</span>`}<pre
        class="json" tabindex="0">${JSON.stringify(source.data ?? source.payload, null, 1)}</pre>
          </li>`,
      )}</ul></details>`
    }</section>`;
}

/** `**bold**` as bold; nothing else is interpreted. */
function emphasised(line) {
  return line
    .split("**")
    .map((part, index) => (index % 2 ? html`<b key=${index}>${part}</b>` : part));
}

/** The pieces of a streamed answer (Server-Sent Events over POST). */
async function* streamed(query, language, signal) {
  const answer = await api("/api/v1/query/stream", {
    method: "POST",
    body: { query, language },
    as: "response",
    timeoutMs: PATIENCE_MS,
    signal,
  });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (true) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("data:")) yield JSON.parse(line.slice(5));
  }
}
