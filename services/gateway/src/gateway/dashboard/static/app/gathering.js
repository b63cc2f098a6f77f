/** Events come one by one and are shown together: at most some times a second, within a frame. */

const EVERY_MS = 200;
const MOST_WAITING = 2000;

/**
 * A function that gathers what it is given and hands it on in batches.
 * @template T
 * @param {(batch: T[]) => void} take
 * @param {number} [everyMs]
 * @returns {{(one: T): void, stop: () => void}}
 */
export function gathered(take, everyMs = EVERY_MS) {
  let waiting = /** @type {T[]} */ ([]);
  let timer = 0;
  const hand = () => {
    timer = 0;
    const batch = waiting;
    waiting = [];
    if (batch.length) take(batch);
  };
  const add = (one) => {
    waiting.push(one);
    if (waiting.length > MOST_WAITING) waiting.shift();
    // A hidden page gets no frames, and must not fall behind all the same.
    timer ||= setTimeout(() => (document.hidden ? hand() : requestAnimationFrame(hand)), everyMs);
  };
  add.stop = () => {
    clearTimeout(timer);
    waiting = [];
  };
  return add;
}
