"""Runs a compiled graph once, in the calling thread: times every tool, names the one that fails."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from vision_node.pipeline.graph import Binding, Graph, Step
from vision_node.pipeline.tool import Result, ToolError
from vision_node.placing import place
from vision_node.spaces import PICTURE, Space


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


Memories = dict[str, Any]


def new_memories(graph: Graph) -> Memories:
    """What the tools of a stream remember before its first frame, by step."""
    begun = ((step.id, step.tool.new_memory()) for step in graph.steps)
    return {key: memory for key, memory in begun if memory is not None}


def run_graph(
    graph: Graph,
    frames: Mapping[str, Any],
    *,
    stop: Stop,
    memories: Memories | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> list[StepRun]:
    """Run every tool once; `frames` has one frame for each source, by its id.

    Raises ToolFailed, RunCancelled or DeadlineExceeded. Outputs are let go as soon as no later
    tool needs them, so that large pictures do not pile up. A step whose required input has
    nothing to give is skipped. `memories` go from frame to frame of a stream.
    """
    kept = new_memories(graph) if memories is None else memories
    values: list[Mapping[str, Any] | None] = [None] * len(graph.steps)
    runs: list[StepRun] = []
    for index, step in enumerate(graph.steps):
        stop.check()
        arguments = _arguments(step, values, frames)
        began = clock()
        if _lacks(step, arguments):
            result = _skipped(step)
        else:
            if step.id in kept:
                arguments["memory"] = kept[step.id]
            if step.tool.uses_models:
                arguments["models"] = graph.models
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
    if not binding.many:
        return given[0]
    return given


def _lacks(step: Step, arguments: Mapping[str, Any]) -> bool:
    """True when a required input has nothing and the tool cannot work with that."""
    if step.tool.takes_nothing:
        return False
    for port in step.tool.inputs:
        value = arguments.get(port.name)
        if port.many and isinstance(value, list):
            value[:] = [one for one in value if one is not None]
            value = value or None
        if port.required and value is None:
            return True
    return False


def _skipped(step: Step) -> Result:
    outputs = {port.name: None for port in step.tool.outputs}
    return Result(outputs=outputs, measurements={"is_skipped": True})


def _run(step: Step, arguments: dict[str, Any]) -> Result:
    try:
        result: Result = step.tool.run(**arguments)  # type: ignore[attr-defined]  # checked by the catalogue
        return _placed(result, arguments)
    except ToolError as error:
        raise ToolFailed(step.id, str(error)) from error
    except Exception as error:
        # A site's own tool may raise anything, and its text may show paths of this host.
        raise ToolFailed(
            step.id, f"the tool broke on this picture ({type(error).__name__})"
        ) from error


def _placed(result: Result, arguments: Mapping[str, Any]) -> Result:
    """Its shapes where they lie on the whole picture."""
    space = result.drawn_in
    if not result.overlay:
        return result
    if space is None:
        spaces = (getattr(value, "space", None) for value in arguments.values())
        space = next((found for found in spaces if isinstance(found, Space)), PICTURE)
    if space.is_picture:
        return result
    return replace(result, overlay=place(result.overlay, space))
