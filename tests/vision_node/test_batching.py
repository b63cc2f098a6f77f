import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.patience import PATIENCE_S
from vision_node.imaging import Image
from vision_node.inference.batching import Batcher, Outputs
from vision_node.inference.manifest import ModelError
from vision_node.inference.sessions import Models
from vision_node.sources.decoding import decode
from vision_node.sources.samples import read_sample
from vision_node.tools.people_detection import PeopleDetection


@dataclass
class Gate:
    """A computation that doubles its input; it waits at the gate and tells who came."""

    open: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    runs: list[int] = field(default_factory=list)

    def __call__(self, batch: np.ndarray) -> Outputs:
        self.runs.append(len(batch))
        self.arrived.release()
        assert self.open.wait(PATIENCE_S)
        if (batch < 0).any():
            raise ModelError("broke on a negative picture")
        return {"twice": batch * 2}


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def picture(value: float, side: int = 2) -> np.ndarray:
    return np.full((1, side), value, np.float32)


def queued(
    pool: ThreadPoolExecutor, batcher: Batcher, batches: list[np.ndarray]
) -> list[Future[Outputs]]:
    """All of them waiting in the batcher, behind a run that the gate holds."""
    calls = [pool.submit(batcher, batch) for batch in batches]
    until = time.monotonic() + PATIENCE_S
    while batcher.waiting < len(batches):
        assert time.monotonic() < until
        time.sleep(0.001)
    return calls


def test_what_waits_for_a_busy_lane_shares_one_run(threads: ThreadPoolExecutor) -> None:
    gate = Gate()
    sizes: list[int] = []
    batcher = Batcher(gate, lanes=1, max_batch=4, on_run=sizes.append)
    first = threads.submit(batcher, picture(1))
    assert gate.arrived.acquire(timeout=PATIENCE_S)
    others = queued(threads, batcher, [picture(value) for value in (2, 3, 4)])
    gate.open.set()
    assert first.result(PATIENCE_S)["twice"].tolist() == [[2, 2]]
    assert [call.result(PATIENCE_S)["twice"].tolist() for call in others] == [
        [[4, 4]], [[6, 6]], [[8, 8]],
    ]  # fmt: skip
    assert gate.runs == sizes == [1, 3]


def test_no_run_holds_more_than_it_may_nor_pictures_of_two_shapes(
    threads: ThreadPoolExecutor,
) -> None:
    gate = Gate()
    batcher = Batcher(gate, lanes=1, max_batch=2)
    first = threads.submit(batcher, picture(1))
    assert gate.arrived.acquire(timeout=PATIENCE_S)
    waiting = [*[picture(2)] * 4, picture(3, side=5)]
    others = queued(threads, batcher, waiting)
    gate.open.set()
    for call, batch in zip(others, waiting, strict=True):
        assert call.result(PATIENCE_S)["twice"].tolist() == (batch * 2).tolist()
    assert first.result(PATIENCE_S)
    assert gate.runs[0] == 1
    assert sorted(gate.runs[1:]) in ([1, 2, 2], [1, 1, 1, 2])
    assert sum(gate.runs) == 6


def test_lanes_run_side_by_side_and_nobody_waits_for_company(threads: ThreadPoolExecutor) -> None:
    gate = Gate()
    batcher = Batcher(gate, lanes=2, max_batch=4)
    calls = [threads.submit(batcher, picture(value)) for value in (1, 2)]
    for _ in calls:
        assert gate.arrived.acquire(timeout=PATIENCE_S), "the second waited for the first"
    gate.open.set()
    assert [call.result(PATIENCE_S)["twice"][0, 0] for call in calls] == [2, 4]


def test_a_picture_that_breaks_the_model_fails_alone(threads: ThreadPoolExecutor) -> None:
    gate = Gate()
    batcher = Batcher(gate, lanes=1, max_batch=8)
    first = threads.submit(batcher, picture(1))
    assert gate.arrived.acquire(timeout=PATIENCE_S)
    good, bad = queued(threads, batcher, [picture(2), picture(-1)])
    gate.open.set()
    assert first.result(PATIENCE_S)["twice"][0, 0] == 2
    assert good.result(PATIENCE_S)["twice"][0, 0] == 4
    with pytest.raises(ModelError, match="negative"):
        bad.result(PATIENCE_S)
    assert threads.submit(batcher, picture(5)).result(PATIENCE_S)["twice"][0, 0] == 10


def test_outputs_without_a_row_a_picture_are_refused() -> None:
    batcher = Batcher(lambda batch: {"all": batch.sum(axis=0)[None]}, lanes=1, max_batch=4)
    assert batcher(picture(1))["all"].shape == (1, 2)
    with pytest.raises(ModelError, match="max_batch must be 1"):
        batcher(np.concatenate([picture(1), picture(2)]))


def test_people_in_tiles_are_the_same_from_one_run_as_from_many(models: Models) -> None:
    image = Image(decode(read_sample("people")))
    tool = PeopleDetection(tiles_across=2, tiles_down=2)
    together = tool.run(image, models).measurements["detections"]
    model = models.get("person_ssdlite")
    alone = model.manifest.model_copy(update={"max_batch": 1})
    before, model.manifest = model.manifest, alone
    try:
        assert tool.run(image, models).measurements["detections"] == together
    finally:
        model.manifest = before
