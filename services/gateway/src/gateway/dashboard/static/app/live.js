/** WebSockets that come back: they resume by `seq`, and say whether what is shown is live. */

import { api } from "./api.js";
import { isOnline } from "./connection.js";
import { whoAmI } from "./session.js";
import { effect, signal, useEffect, useRef, useSignal } from "./view.js";

const FIRST_DELAY_MS = 300;
const LONGEST_DELAY_MS = 8000;
const ENDED = 1000;
const RIGHT_ENDED = 1008;

/**
 * @typedef {{onEvent: (event: any) => void, onPicture?: (picture: Blob) => void,
 *   onResync?: () => void, withTicket?: boolean, greeting?: unknown}} Listener
 */

/** One socket over all its lives; `state` is `connecting`, `live`, `lost` or `ended`. */
export class LiveSocket {
  /**
   * @param {string} path
   * @param {Listener} listener
   */
  constructor(path, listener) {
    this.state = signal("connecting");
    this._path = path;
    this._listener = listener;
    this._seq = /** @type {number | null} */ (null);
    this._delay = FIRST_DELAY_MS;
    this._socket = /** @type {WebSocket | null} */ (null);
    this._timer = 0;
    this._isClosed = false;
    this._stopWatching = effect(() => this._onConnection(isOnline.value));
  }

  /** End it for good. */
  close() {
    this._isClosed = true;
    this._stopWatching();
    clearTimeout(this._timer);
    this._drop();
  }

  _onConnection(online) {
    clearTimeout(this._timer);
    if (this._isClosed || this.state.peek() === "ended") return;
    if (online) {
      this._delay = FIRST_DELAY_MS;
      if (!this._socket) this._open();
    } else {
      this._drop();
      this.state.value = "lost";
    }
  }

  _drop() {
    const socket = this._socket;
    this._socket = null;
    if (!socket) return;
    socket.onclose = socket.onmessage = socket.onopen = null;
    socket.close();
  }

  async _open() {
    const address = new URL(this._path, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    if (this._seq !== null) address.searchParams.set("after", String(this._seq));
    const placeholder = /** @type {any} */ ({ close() {} });
    this._socket = placeholder;
    try {
      if (this._listener.withTicket) {
        address.searchParams.set("csrf_token", (await api("/auth/csrf-token")).csrf_token);
      }
    } catch {
      if (this._socket === placeholder) this._onClose(0);
      return;
    }
    if (this._socket !== placeholder) return;
    const socket = new WebSocket(address);
    this._socket = socket;
    socket.onopen = () => {
      this._delay = FIRST_DELAY_MS;
      this.state.value = "live";
      if (this._listener.greeting) socket.send(JSON.stringify(this._listener.greeting));
    };
    socket.onmessage = (message) => this._onMessage(message.data);
    socket.onclose = (close) => this._onClose(close.code);
  }

  _onMessage(data) {
    if (typeof data !== "string") {
      this._listener.onPicture?.(data);
      return;
    }
    const event = JSON.parse(data);
    if (typeof event.seq === "number") this._seq = event.seq;
    if (event.type === "resync") {
      this._seq = null;
      this._listener.onResync?.();
    } else this._listener.onEvent(event);
  }

  _onClose(code) {
    this._socket = null;
    if (this._isClosed) return;
    if (code === ENDED) {
      this.state.value = "ended";
      return;
    }
    this.state.value = "lost";
    if (code === RIGHT_ENDED) whoAmI().catch(() => {});
    if (!isOnline.peek()) return;
    this._timer = setTimeout(() => this._open(), this._delay);
    this._delay = Math.min(LONGEST_DELAY_MS, this._delay * 2);
  }
}

/**
 * A socket for as long as a component is shown.
 * @param {string | null} path none for no socket
 * @param {Listener} listener
 * @returns {string} the socket's state
 */
export function useLive(path, listener) {
  const newest = useRef(listener);
  newest.current = listener;
  const state = useSignal("connecting");
  useEffect(() => {
    if (!path) return undefined;
    const socket = new LiveSocket(path, {
      onEvent: (event) => newest.current.onEvent(event),
      onPicture: (picture) => newest.current.onPicture?.(picture),
      onResync: () => newest.current.onResync?.(),
      withTicket: newest.current.withTicket,
      greeting: newest.current.greeting,
    });
    const stop = effect(() => {
      state.value = socket.state.value;
    });
    return () => {
      stop();
      socket.close();
    };
  }, [path]);
  return state.value;
}
