/** What a page has fetched: loaded once, again when asked or when the connection is back. */

import { isOnline } from "./connection.js";
import { api } from "./api.js";
import { useEffect, useRef, useState } from "./view.js";

/**
 * Fetch for as long as a component is shown; the last good answer stays while a new one is awaited.
 * @param {string | null} path none for nothing to fetch
 * @param {{query?: Record<string, unknown>, everyMs?: number}} [options]
 * @returns {{data: any, error: any, isLoading: boolean, reload: () => Promise<void>, set: (data: any) => void}}
 */
export function useResource(path, { query, everyMs } = {}) {
  const [state, setState] = useState({ data: /** @type {any} */ (null), error: null, key: "" });
  const key = path ? `${path}?${JSON.stringify(query ?? {})}` : "";
  const newest = useRef(key);
  newest.current = key;
  const reload = async () => {
    if (!path) return;
    try {
      const data = await api(path, { query });
      if (newest.current === key) setState({ data, error: null, key });
    } catch (error) {
      if (newest.current === key)
        setState((old) => ({ data: old.key === key ? old.data : null, error, key }));
    }
  };
  const online = isOnline.value;
  useEffect(() => {
    if (!online) return undefined;
    reload();
    if (!everyMs) return undefined;
    const timer = setInterval(() => document.hidden || reload(), everyMs);
    return () => clearInterval(timer);
  }, [key, online, everyMs]);
  const set = (data) => setState({ data, error: null, key });
  return {
    data: state.data,
    error: state.key === key ? state.error : null,
    isLoading: Boolean(path) && state.key !== key,
    reload,
    set,
  };
}
