"""Runs a compiled graph once, in the calling thread: times every tool, names the one that fails."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vision_node.pipeline.graph import Binding, Graph, Step
from vision_node.pipeline.tool import Result, ToolError


class ToolFailed(Exception):
    """A tool of a pipeline could not do its work; `tool` is its id."""

    def __init__(self, tool: str, message: str, *, parameter: str | None = None) -> None:
        super().__init__(f"{tool}: {message}")
        self.tool = tool
        self.parameter = parameter
        self.message = message


class RunCancelled(Exception):
    """The inspection was cancelled while it ran."""


class DeadlineExceeded(Exception):
    """The inspection ran out of its time."""


@dataclass(frozen=True, slots=True)
class Stop:
    """When a run has to end before it is done; asked between tools."""

    cancelled: threading.Event
    deadline_s: float | None = None
    clock: Callable[[], float] = time.monotonic

    def check(self) -> None:
        """Raise RunCancelled or DeadlineExceeded where the run has to end."""
        if self.cancelled.is_set():
            raise RunCancelled("the inspection was cancelled")
        if self.deadline_s is not None and self.clock() >= self.deadline_s:
            raise DeadlineExceeded("the inspection ran out of time")


@dataclass(frozen=True, slots=True)
class StepRun:
    """What one tool did and how long it took."""

    step: Step
    result: Result
    time_ms: float


def run_graph(
    graph: Graph,
    frames: Mapping[str, Any],
    *,
    stop: Stop,
    clock: Callable[[], float] = time.perf_counter,
) -> list[StepRun]:
    """Run every tool once; `frames` has one frame for each source, by its id.

    Raises ToolFailed, RunCancelled or DeadlineExceeded. Outputs are let go as soon as no later
    tool needs them, so that large pictures do not pile up.
    """
    values: list[Mapping[str, Any] | None] = [None] * len(graph.steps)
    runs: list[StepRun] = []
    for index, step in enumerate(graph.steps):
        stop.check()
        arguments = _arguments(step, values, frames)
        began = clock()
        result = _run(step, arguments)
        runs.append(StepRun(step, result, (clock() - began) * 1000))
        values[index] = result.outputs
        for done in step.release:
            values[done] = None
    return runs


def _arguments(
    step: Step, values: list[Mapping[str, Any] | None], frames: Mapping[str, Any]
) -> dict[str, Any]:
    if step.is_source:
        return {"frame": frames[step.id]}
    return {binding.port: _value(binding, values) for binding in step.bindings}


def _value(binding: Binding, values: list[Mapping[str, Any] | None]) -> Any:
    given = []
    for source, port in binding.feeds:
        outputs = values[source]
        assert outputs is not None, "an output was let go before its last use"
        given.append(outputs[port])
    return given if binding.many else given[0]


def _run(step: Step, arguments: dict[str, Any]) -> Result:
    try:
        result: Result = step.tool.run(**arguments)  # type: ignore[attr-defined]  # checked by the catalogue
        return result
    except ToolError as error:
        raise ToolFailed(step.id, str(error)) from error
    except Exception as error:
        # A site's own tool may raise anything, and its text may show paths of this host.
        raise ToolFailed(
            step.id, f"the tool broke on this picture ({type(error).__name__})"
        ) from error
