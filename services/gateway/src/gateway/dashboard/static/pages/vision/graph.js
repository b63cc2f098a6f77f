/** A pipeline as a graph: pure rules of what can be joined, and where its tools are drawn. */

const COLUMN = 235;
const ROW = 150;
const MARGIN = 24;

/**
 * @typedef {{name: string, id: string, parameters: Record<string, any>}} Tool
 * @typedef {{from: string, to: string, from_port?: string, to_port?: string}} Joint
 * @typedef {{tools: Tool[], connections: Joint[]}} Pipeline
 */

/**
 * A pipeline with an id at every tool and ports at every connection.
 * @param {any} config
 * @param {Map<string, any>} catalogue
 * @returns {Pipeline}
 */
export function completed(config, catalogue) {
  const tools = (config.tools ?? []).map((tool) => ({
    name: tool.name,
    id: tool.id ?? tool.name,
    parameters: tool.parameters ?? {},
  }));
  const kind = new Map(tools.map((tool) => [tool.id, catalogue.get(tool.name)]));
  const connections = (config.connections ?? []).map((joint) => {
    const outputs = kind.get(joint.from)?.outputs ?? [];
    const inputs = kind.get(joint.to)?.inputs ?? [];
    const output =
      outputs.find((port) => port.name === joint.from_port) ??
      outputs.find((port) => inputs.some((one) => fits(port, one))) ??
      outputs[0];
    const input =
      inputs.find((port) => port.name === joint.to_port) ??
      inputs.find((port) => output && fits(output, port)) ??
      inputs[0];
    return { from: joint.from, to: joint.to, from_port: output?.name, to_port: input?.name };
  });
  return { tools, connections };
}

/**
 * True when an output may go into an input.
 * @param {{type: string}} output
 * @param {{type: string, accepts?: string[]}} input
 */
export function fits(output, input) {
  return output.type === input.type || (input.accepts ?? []).includes(output.type);
}

/**
 * Add a tool under an id that is free.
 * @param {Pipeline} pipeline
 * @param {any} kind the catalogue's entry
 * @returns {{pipeline: Pipeline, id: string}}
 */
export function withTool(pipeline, kind) {
  const taken = new Set(pipeline.tools.map((tool) => tool.id));
  let id = kind.name;
  for (let count = 2; taken.has(id); count += 1) id = `${kind.name}_${count}`;
  const example = kind.example?.tools?.find((tool) => tool.name === kind.name);
  const needed = new Set(kind.parameters?.required ?? []);
  const parameters = Object.fromEntries(
    Object.entries(example?.parameters ?? {}).filter(
      ([name]) => needed.has(name) || kind.category === "source",
    ),
  );
  return {
    pipeline: { ...pipeline, tools: [...pipeline.tools, { name: kind.name, id, parameters }] },
    id,
  };
}

/**
 * Take a tool and its connections away.
 * @param {Pipeline} pipeline
 * @param {string} id
 * @returns {Pipeline}
 */
export function withoutTool(pipeline, id) {
  return {
    tools: pipeline.tools.filter((tool) => tool.id !== id),
    connections: pipeline.connections.filter((joint) => joint.from !== id && joint.to !== id),
  };
}

/**
 * Join two ports, or say why they cannot be joined.
 * @param {Pipeline} pipeline
 * @param {{id: string, port: any}} start
 * @param {{id: string, port: any}} end
 * @returns {{pipeline?: Pipeline, problem?: "type" | "cycle"}}
 */
export function joined(pipeline, start, end) {
  if (!fits(start.port, end.port)) return { problem: "type" };
  if (start.id === end.id || reaches(pipeline, end.id, start.id)) return { problem: "cycle" };
  const isSame = (joint) =>
    joint.to === end.id &&
    joint.to_port === end.port.name &&
    (!end.port.many || (joint.from === start.id && joint.from_port === start.port.name));
  const kept = pipeline.connections.filter((joint) => !isSame(joint));
  const joint = { from: start.id, to: end.id, from_port: start.port.name, to_port: end.port.name };
  return { pipeline: { ...pipeline, connections: [...kept, joint] } };
}

function reaches(pipeline, from, to) {
  const seen = new Set([from]);
  const waiting = [from];
  while (waiting.length) {
    const here = waiting.pop();
    for (const joint of pipeline.connections) {
      if (joint.from !== here || seen.has(joint.to)) continue;
      if (joint.to === to) return true;
      seen.add(joint.to);
      waiting.push(joint.to);
    }
  }
  return false;
}

/**
 * A place for each tool: a column a step of the way, so that wires go from left to right.
 * @param {Pipeline} pipeline
 * @returns {Record<string, [number, number]>}
 */
export function laidOut(pipeline) {
  const depth = Object.fromEntries(pipeline.tools.map((tool) => [tool.id, 0]));
  for (let round = 0; round < pipeline.tools.length; round += 1) {
    for (const { from, to } of pipeline.connections) {
      if (from in depth && to in depth)
        depth[to] = Math.min(pipeline.tools.length, Math.max(depth[to], depth[from] + 1));
    }
  }
  const filled = {};
  return Object.fromEntries(
    pipeline.tools.map((tool) => {
      const column = depth[tool.id];
      filled[column] = (filled[column] ?? -1) + 1;
      return [tool.id, [MARGIN + column * COLUMN, MARGIN + filled[column] * ROW]];
    }),
  );
}
