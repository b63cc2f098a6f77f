/** One inspection as it happens: its record, and frame by frame what the node sees and finds. */

import { api } from "../../app/api.js";
import { useLive } from "../../app/live.js";
import { useResource } from "../../app/resource.js";
import { useEffect, useRef, useState } from "../../app/view.js";

/**
 * Follow an inspection.
 * @param {string} id
 * @returns {{record: any, frame: any, picture: string | null, tools: Record<string, any>, state: string}}
 */
export function useInspection(id) {
  const record = useResource(`/api/v1/inspections/${id}/`);
  const [frame, setFrame] = useState(/** @type {any} */ (null));
  const [tools, setTools] = useState(/** @type {Record<string, any>} */ ({}));
  const [picture, setPicture] = useState(/** @type {string | null} */ (null));
  const awaited = useRef(/** @type {any} */ (null));
  const shown = useRef("");
  useEffect(() => () => URL.revokeObjectURL(shown.current), []);
  const isEnded = ["completed", "failed", "cancelled"].includes(record.data?.status);
  const state = useLive(record.data && !isEnded ? `/ws/inspections/${id}?overlay=plain` : null, {
    onEvent: (event) => {
      if (event.type === "frame_result" && event.data.plain_artifact) awaited.current = event.data;
      else if (event.type === "frame_result" && event.data.tools) setFrame(event.data);
      else if (event.type === "tool_result")
        setTools((old) => ({ ...old, [event.data.tool ?? event.data.id]: event.data }));
      else if (event.type === "inspection_status") refresh(event.data);
    },
    // The overlay and the picture that it lies on are shown together.
    onPicture: (blob) => {
      const url = URL.createObjectURL(blob);
      URL.revokeObjectURL(shown.current);
      shown.current = url;
      setPicture(url);
      if (awaited.current) setFrame(awaited.current);
      awaited.current = null;
    },
  });
  const refresh = async (data) => {
    const isNew =
      data.status !== record.data?.status || data.attempt !== record.data?.attempt_count;
    if (isNew) record.set(await api(`/api/v1/inspections/${id}/`).catch(() => record.data));
  };
  return {
    record,
    frame: isEnded ? null : frame,
    picture: isEnded ? null : picture,
    tools,
    state: isEnded ? "ended" : state,
  };
}
