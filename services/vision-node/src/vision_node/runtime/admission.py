"""Whether one more inspection fits: by what its kind has cost here, not by a count alone.

The count (`max_concurrent_inspections`) bounds memory; this bounds time. A picture waits for its
turn in the thread pool, a stream takes a share of the threads for as long as it runs. What was
measured decides; what is unknown is let in, and a stream that has not shown its cost yet counts as
one whole thread.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import orjson

from common.schemas.vision import PipelineConfig

_KINDS: Final = 1000
_NEWEST: Final = 0.3  # weight of the newest figure in the running mean
# Of the threads, so much at most goes to streams: single pictures must go on.
_FOR_STREAMS: Final = 0.9
_LEAST_FREE: Final = 0.1
_SOURCE: Final = "image_source"


def kind_of(config: PipelineConfig) -> str:
    """Pipelines of one kind differ in nothing but their pictures."""
    tools = [
        (tool.name, tool.id, None if tool.name == _SOURCE else tool.parameters)
        for tool in config.tools
    ]
    joints = [joint.model_dump() for joint in config.connections]
    text = orjson.dumps([tools, joints], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=8).hexdigest()


class RunningMeans:
    """A running mean by kind; the kinds longest not seen are forgotten."""

    def __init__(self) -> None:
        self._means: OrderedDict[str, float] = OrderedDict()

    def add(self, kind: str, value: float) -> None:
        """Take in a measurement."""
        before = self._means.pop(kind, value)
        self._means[kind] = before + _NEWEST * (value - before)
        if len(self._means) > _KINDS:
            self._means.popitem(last=False)

    def get(self, kind: str) -> float | None:
        """The mean; None where nothing was measured."""
        return self._means.get(kind)


@dataclass(slots=True)
class _Taken:
    kind: str
    is_live: bool
    share: float | None = None


class Admission:
    """What the accepted work will cost, and whether more may be accepted."""

    def __init__(self, *, threads: int, max_wait_s: float) -> None:
        """Guard a pool of so many threads; a picture may have to wait for `max_wait_s`."""
        self._threads = threads
        self._max_wait_s = max_wait_s
        self._seconds = RunningMeans()
        self._shares = RunningMeans()
        self._taken: dict[str, _Taken] = {}

    @property
    def stream_threads(self) -> float:
        """Threads that the running streams take."""
        shares = (one.share for one in self._taken.values() if one.is_live)
        return sum(1.0 if share is None else share for share in shares)

    @property
    def wait_s(self) -> float:
        """What a further picture would wait, in seconds, as far as costs are known."""
        costs = (self._seconds.get(one.kind) for one in self._taken.values() if not one.is_live)
        free = max(self._threads - self.stream_threads, self._threads * _LEAST_FREE)
        return sum(cost for cost in costs if cost is not None) / free

    def refusal(self, kind: str, *, is_live: bool) -> str | None:
        """Why this kind does not fit now; None where it does. An idle node takes anything."""
        if is_live:
            expected = self._shares.get(kind) or 0.0
            has_streams = any(one.is_live for one in self._taken.values())
            if has_streams and self.stream_threads + expected > self._threads * _FOR_STREAMS:
                return f"streams take {self.stream_threads:.1f} of {self._threads} threads"
            return None
        if self.wait_s > self._max_wait_s:
            return f"a picture would wait for {self.wait_s:.1f} s"
        return None

    def begin(self, inspection_id: str, kind: str, *, is_live: bool) -> None:
        """Work was accepted."""
        self._taken[inspection_id] = _Taken(kind, is_live)

    def end(self, inspection_id: str) -> None:
        """Work is over, in whatever way."""
        self._taken.pop(inspection_id, None)

    def measured_picture(self, kind: str, seconds: float) -> None:
        """A picture of this kind held a thread for so long."""
        self._seconds.add(kind, seconds)

    def measured_stream(self, inspection_id: str, share: float) -> None:
        """This stream took such a share of one thread of late."""
        taken = self._taken.get(inspection_id)
        if taken is None:
            return
        taken.share = (
            share if taken.share is None else taken.share + _NEWEST * (share - taken.share)
        )
        self._shares.add(taken.kind, share)
