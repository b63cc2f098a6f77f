"""Micro-batches: pictures of several streams that wait for one model at once share one run.

Nobody waits for company: who finds a free lane runs at once, and takes along whatever waits. A
processor runs as many lanes as there are threads and so never waits (a batch gains nothing there:
33.7 ms a picture of four at once, 33.9 alone); a GPU has one lane, and its queue becomes batches.
"""

import threading
from collections.abc import Callable
from typing import Final

import numpy as np

from vision_node.inference.manifest import ModelError

Outputs = dict[str, np.ndarray]
Run = Callable[[np.ndarray], Outputs]


class _Call:
    """The pictures of one caller, and what came of them."""

    __slots__ = ("batch", "error", "is_done", "is_taken", "outputs")

    def __init__(self, batch: np.ndarray) -> None:
        self.batch = batch
        self.outputs: Outputs = {}
        self.error: Exception | None = None
        self.is_taken = False
        self.is_done = False


class Batcher:
    """Joins what waits for one model; may be called from many threads at once."""

    def __init__(
        self,
        run: Run,
        *,
        lanes: int,
        max_batch: int,
        on_run: Callable[[int], None] = lambda pictures: None,
    ) -> None:
        """Serve a model.

        Args:
            run: `(N, …)` input → outputs by name, each `(N, …)`; called from the callers' threads.
            lanes: so many runs side by side.
            max_batch: so many pictures a run, unless one caller alone brings more.
            on_run: told the number of pictures of each run.
        """
        self._run: Final = run
        self._free = lanes
        self._max_batch: Final = max_batch
        self._on_run: Final = on_run
        self._waiting: list[_Call] = []
        self._changed: Final = threading.Condition()

    @property
    def waiting(self) -> int:
        """Callers that wait for a lane."""
        return len(self._waiting)

    def __call__(self, batch: np.ndarray) -> Outputs:
        """The outputs for these pictures; raises what `run` raises for them, or ModelError."""
        call = _Call(batch)
        with self._changed:
            self._waiting.append(call)
            self._changed.wait_for(lambda: call.is_taken or self._free > 0)
            calls = [] if call.is_taken else self._take(call)
            if not calls:
                self._changed.wait_for(lambda: call.is_done)
        if calls:
            self._serve(calls)
        if call.error is not None:
            raise call.error
        return call.outputs

    def _take(self, first: _Call) -> list[_Call]:
        """A lane, this caller, and who of the others fits beside it; the longest waiting first."""
        self._free -= 1
        calls, pictures = [first], len(first.batch)
        for other in self._waiting:
            fits = other.batch.shape[1:] == first.batch.shape[1:]
            fits = fits and other.batch.dtype == first.batch.dtype
            if other is not first and fits and pictures + len(other.batch) <= self._max_batch:
                calls.append(other)
                pictures += len(other.batch)
        for call in calls:
            call.is_taken = True
            self._waiting.remove(call)
        return calls

    def _serve(self, calls: list[_Call]) -> None:
        try:
            self._compute(calls)
        finally:
            with self._changed:
                self._free += 1
                for call in calls:
                    call.is_done = True
                self._changed.notify_all()

    def _compute(self, calls: list[_Call]) -> None:
        pictures = sum(len(call.batch) for call in calls)
        self._on_run(pictures)
        try:
            joined = calls[0].batch if len(calls) == 1 else np.concatenate([c.batch for c in calls])
            _share_out(self._run(joined), calls, pictures=pictures)
        except Exception as error:
            if len(calls) == 1:
                calls[0].error = error
                return
            # What breaks a run of many may be one caller's pictures: each gets a run of its own.
            for call in calls:
                self._compute([call])


def _share_out(outputs: Outputs, calls: list[_Call], *, pictures: int) -> None:
    if pictures > 1 and any(len(value) != pictures for value in outputs.values()):
        raise ModelError("an output of the model has not one row a picture: max_batch must be 1")
    begin = 0
    for call in calls:
        end = begin + len(call.batch)
        alone = len(calls) == 1
        call.outputs = outputs if alone else {k: v[begin:end] for k, v in outputs.items()}
        begin = end
