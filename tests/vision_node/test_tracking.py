import itertools
from typing import Any

import numpy as np
import pytest
from bench.tracking import judge
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vision_node.assignment import assign, cheapest
from vision_node.detections import Detection, Detections
from vision_node.imaging import Image
from vision_node.pipeline.tool import ToolError
from vision_node.spaces import PICTURE, shifted
from vision_node.tools.motion import Motion
from vision_node.tools.track_objects import TrackObjects
from vision_node.tools.zone_count import ZoneCount
from vision_node.tracking import Tracker, overlap


def boxes(*feet: tuple[float, float]) -> np.ndarray:
    return np.array([(x - 20, y - 100, x + 20, y) for x, y in feet], float).reshape(-1, 4)


def scores(count: int, value: float = 0.9) -> np.ndarray:
    return np.full(count, value)


@given(arrays(float, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.floats(0, 1)))
def test_the_cheapest_pairing_is_that_of_trying_all(costs: np.ndarray) -> None:
    small = costs if costs.shape[0] <= costs.shape[1] else costs.T
    best = min(
        sum(small[row, column] for row, column in enumerate(chosen))
        for chosen in itertools.permutations(range(small.shape[1]), small.shape[0])
    )
    pairs = cheapest(costs.tolist())
    assert len(pairs) == small.shape[0]
    assert sum(costs[pair] for pair in pairs) == pytest.approx(best)


@given(arrays(float, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.floats(0, 1)))
def test_nothing_is_paired_twice_or_below_the_least(likeness: np.ndarray) -> None:
    pairs = assign(likeness, least=0.4)
    assert all(likeness[pair] >= 0.4 for pair in pairs)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)


def test_people_who_cross_keep_their_numbers() -> None:
    tracker = Tracker()
    numbers = []
    for step in range(60):
        feet = [(100 + 8 * step, 300.0), (580 - 8 * step, 330.0)]
        found = dict(tracker.update(boxes(*feet), scores(2)))
        numbers.append((found[0], found[1]))
    assert set(numbers) == {(1, 2)}


def test_who_is_hidden_for_a_second_comes_back_under_the_same_number() -> None:
    tracker = Tracker()
    seen = []
    for step in range(60):
        hidden = 20 <= step < 40
        feet = [] if hidden else [(100 + 4.0 * step, 300.0)]
        seen += tracker.update(boxes(*feet), scores(len(feet)))
    assert {number for _, number in seen} == {1}
    for _ in range(40):
        tracker.update(boxes(), scores(0))
    tracker.update(boxes((340, 300)), scores(1))
    assert tracker.update(boxes((344, 300)), scores(1)) == [(0, 2)]


def test_uncertain_boxes_continue_a_track_but_begin_none() -> None:
    tracker = Tracker()
    for _ in range(5):
        tracker.update(boxes((100, 300)), scores(1))
    pairs = tracker.update(boxes((101, 300), (400, 300)), scores(2, 0.3))
    assert pairs == [(0, 1)]
    assert tracker.update(boxes((400, 300)), scores(1, 0.3)) == []


def test_a_flicker_gets_no_number() -> None:
    tracker = Tracker()
    tracker.update(boxes((100, 300)), scores(1))
    assert tracker.update(boxes((100, 300), (500, 300)), scores(2)) == [(0, 1)]
    assert tracker.update(boxes((100, 300)), scores(1)) == [(0, 1)]


def test_overlap_is_intersection_over_union() -> None:
    one = np.array([[0, 0, 10, 10.0]])
    other = np.array([[0, 0, 10, 10.0], [5, 0, 15, 10], [20, 20, 30, 30]])
    assert overlap(one, other)[0] == pytest.approx([1, 1 / 3, 0])


def test_the_judge_gives_full_marks_to_the_truth_and_half_to_a_lost_number() -> None:
    truth = [([1], boxes((100 + step, 300))) for step in range(10)]
    perfect = judge(truth, truth)
    assert (perfect.idf1, perfect.hota, perfect.switches) == pytest.approx((100, 100, 0))
    broken = [([7 if step < 5 else 8], frame[1]) for step, frame in enumerate(truth)]
    quality = judge(truth, broken)
    assert quality.idf1 == pytest.approx(50)
    assert quality.hota == pytest.approx(100 * 0.5**0.5)
    assert quality.switches == 1


def detections(*feet: tuple[float, float], confidence: float = 0.9) -> Detections:
    return Detections(
        tuple(Detection(x - 20, y - 100, x + 20, y, confidence, "person") for x, y in feet)
    )


def test_the_tool_numbers_a_stream_and_measures_motion() -> None:
    tool = TrackObjects()
    memory = tool.new_memory()
    mask = np.zeros((400, 400), np.uint8)
    mask[200:300, 80:100] = 255
    result = tool.run(detections((100, 300)), memory, motion=Image(mask))
    result = tool.run(detections((102, 300), (300, 300)), memory, motion=Image(mask))
    (one,) = result.outputs["tracks"].items
    assert (one.track_id, one.motion) == (1, pytest.approx(0.45, abs=0.03))
    assert (result.outputs["count"], result.outputs["total"]) == (1, 1)
    elsewhere = Image(mask, PICTURE.within(shifted(5, 5)))
    with pytest.raises(ToolError, match="different pictures"):
        tool.run(detections((104, 300)), memory, motion=elsewhere)


def test_a_zone_counts_who_comes_and_goes_once() -> None:
    track, zone = (
        TrackObjects(min_hits=1),
        ZoneCount(polygon=((150, 0), (300, 0), (300, 400), (150, 400))),
    )
    memories: tuple[Any, Any] = track.new_memory(), zone.new_memory()
    counts = []
    for step in range(60):
        seen = [] if step in (30, 31) else [(100 + 5.0 * step, 300.0)]
        tracks = track.run(detections(*seen), memories[0]).outputs["tracks"]
        counts.append(zone.run(tracks, memories[1]).outputs)
    assert (counts[5]["count"], counts[20]["count"]) == (0, 1)
    assert (counts[-1]["entered"], counts[-1]["left"]) == (1, 1)
    assert counts[20]["is_occupied"]


def test_what_moves_is_marked_once_the_background_is_known() -> None:
    tool = Motion(min_area=20)
    memory = tool.new_memory()
    ground = np.full((100, 150, 3), 80, np.uint8)
    for _ in range(10):
        result = tool.run(Image(ground), memory)
    assert not result.outputs["is_moving"]
    moved = ground.copy()
    moved[40:60, 30:50] = 220
    result = tool.run(Image(moved), memory)
    assert result.outputs["is_moving"]
    assert result.outputs["motion_ratio"] == pytest.approx(400 / 15000, rel=0.15)
    result = tool.run(Image(moved[:50]), memory)  # another camera: it begins anew
    assert not result.outputs["is_moving"]
