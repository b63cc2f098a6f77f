import itertools
import threading
import time
from typing import Any

import pytest

from tests.vision_node.graph_tools import TOOLS
from tests.vision_node.test_compiler import join, tool
from vision_node.overlay import Overlay
from vision_node.pipeline.compiler import compile_pipeline
from vision_node.pipeline.graph import Graph
from vision_node.pipeline.report import Waits, assemble
from vision_node.pipeline.runner import (
    DeadlineExceeded,
    RunCancelled,
    Stop,
    ToolFailed,
    new_memories,
    run_graph,
)


def compiled(*tools: object, connections: list[dict[str, str]]) -> Graph:
    return compile_pipeline({"tools": [*tools], "connections": connections}, TOOLS)


def five_tools() -> Graph:
    return compiled(
        tool("number", "a", value=5),
        tool("number", "b", value=3),
        tool("add", "sum"),
        tool("subtract", "rest"),
        tool("add", "all", plus=1),
        connections=[
            join("a", "sum"),
            join("b", "sum"),
            join("sum", "rest", to_port="of"),
            join("b", "rest", to_port="less"),
            join("rest", "all"),
            join("sum", "all"),
        ],
    )


def report(graph: Graph, stop: Stop, **frames: object) -> dict[str, Any]:
    runs = run_graph(graph, frames, stop=stop)
    return assemble(graph, runs, overlay=Overlay(width=1, height=1), waits=Waits(total_ms=1500))


def test_branches_join_again(never_stop: Stop) -> None:
    results = report(five_tools(), never_stop, a=None, b=None)
    assert results["total"] == 5 + 8 + 1
    assert results["tools"]["rest"]["rest"] == 5
    assert results["tools"]["sum"]["total"] == 8
    assert results["processing_time"] == 1.5
    assert results["confidence_score"] == 1.0


def test_all_last_tools_stand_at_the_top(never_stop: Stop) -> None:
    graph = compiled(
        tool("number", "n"),
        tool("add", "one"),
        tool("subtract"),
        connections=[
            join("n", "one"),
            join("n", "subtract", to_port="of"),
            join("n", "subtract", to_port="less"),
        ],
    )
    results = report(graph, never_stop, n=None)
    assert results["total"] == 1
    assert results["rest"] == 0
    assert "value" not in results


def test_every_tool_is_timed(never_stop: Stop) -> None:
    ticks = itertools.count()
    runs = run_graph(
        five_tools(), {"a": 0, "b": 0}, stop=never_stop, clock=lambda: next(ticks) * 0.002
    )
    assert [run.time_ms for run in runs] == pytest.approx([2.0] * 5)


@pytest.mark.parametrize(
    ("by", "words"), [("words", "this cannot be measured"), ("bug", "RuntimeError")]
)
def test_a_tool_that_fails_is_named(never_stop: Stop, by: str, words: str) -> None:
    graph = compiled(tool("number"), tool("fail", "f", by=by), connections=[join("number", "f")])
    with pytest.raises(ToolFailed) as caught:
        run_graph(graph, {"number": None}, stop=never_stop)
    assert caught.value.tool == "f"
    assert words in str(caught.value)
    assert "/home" not in str(caught.value)


def test_a_cancelled_run_stops_before_its_next_tool() -> None:
    stop = Stop(threading.Event())
    stop.cancelled.set()
    with pytest.raises(RunCancelled):
        run_graph(five_tools(), {"a": 0, "b": 0}, stop=stop)


def test_a_run_past_its_deadline_stops_before_its_next_tool() -> None:
    ticks = itertools.count()
    stop = Stop(threading.Event(), deadline_s=3, clock=lambda: next(ticks))
    with pytest.raises(DeadlineExceeded):
        run_graph(five_tools(), {"a": 0, "b": 0}, stop=stop)
    assert next(ticks) == 4


def test_the_engine_adds_less_than_a_fifth_of_a_millisecond(never_stop: Stop) -> None:
    graph = five_tools()
    frames = {"a": None, "b": None}
    best = min(_timed(graph, frames, never_stop) for _ in range(200))
    assert best < 0.0002


def _timed(graph: Graph, frames: dict[str, None], stop: Stop) -> float:
    began = time.perf_counter()
    runs = run_graph(graph, frames, stop=stop)
    assemble(graph, runs, overlay=Overlay(width=1, height=1), waits=Waits())
    return time.perf_counter() - began


def test_what_has_nothing_to_work_on_is_skipped_and_what_can_live_with_it_runs(
    never_stop: Stop,
) -> None:
    graph = compiled(
        tool("nothing", "none"),
        tool("add", "skipped"),
        tool(
            "subtract",
            "also",
        ),
        tool("number", "n", value=4),
        tool("add", "sum"),
        connections=[
            join("none", "skipped"),
            join("skipped", "also", to_port="of"),
            join("n", "also", to_port="less"),
            join("none", "sum"),
            join("n", "sum"),
        ],
    )
    results = report(graph, never_stop, none=None, n=None)
    assert results["tools"]["skipped"]["is_skipped"] is True
    assert results["tools"]["also"]["is_skipped"] is True
    assert results["total"] == 4


def test_a_stream_remembers_and_a_single_run_does_not(never_stop: Stop) -> None:
    graph = compiled(tool("number"), tool("tally"), connections=[join("number", "tally")])
    memories = new_memories(graph)
    for expected in (1, 2, 3):
        runs = run_graph(graph, {"number": None}, stop=never_stop, memories=memories)
        assert runs[-1].result.measurements["frames"] == expected
    assert report(graph, never_stop, number=None)["frames"] == 1
