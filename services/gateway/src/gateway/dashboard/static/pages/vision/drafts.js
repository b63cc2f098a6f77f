/** Pipelines that are being built, kept by this browser: the API stores inspections, not pipelines. */

const DRAFT = "gemba.pipeline.draft";
const SAVED = "gemba.pipelines";

/**
 * @typedef {{name: string, inspection_type?: string, pipeline_config: {tools: any[], connections: any[]}}} Draft
 */

function read(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** The draft on the table, if there is one. @returns {Draft | null} */
export function keptDraft() {
  return read(DRAFT, null);
}

/**
 * Keep the draft on the table, over a reload too.
 * @param {Draft} draft
 */
export function keepDraft(draft) {
  localStorage.setItem(DRAFT, JSON.stringify(draft));
}

/** Saved pipelines by name. @returns {Record<string, Draft>} */
export function savedPipelines() {
  return read(SAVED, {});
}

/**
 * Save one under its name.
 * @param {Draft} draft
 */
export function savePipeline(draft) {
  localStorage.setItem(SAVED, JSON.stringify({ ...savedPipelines(), [draft.name]: draft }));
}

/**
 * Forget a saved one.
 * @param {string} name
 */
export function forgetPipeline(name) {
  const { [name]: _, ...rest } = savedPipelines();
  localStorage.setItem(SAVED, JSON.stringify(rest));
}
