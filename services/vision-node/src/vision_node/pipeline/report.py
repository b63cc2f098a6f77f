"""Assembles `results` from a run, exactly as the contract's chapter 5 has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vision_node.overlay import Overlay, Shape, gather
from vision_node.pipeline.graph import Graph
from vision_node.pipeline.runner import StepRun


@dataclass(frozen=True, slots=True)
class Waits:
    """Time of a run that no tool spent, in milliseconds."""

    decode_ms: float = 0.0
    wait_ms: float = 0.0
    total_ms: float = 0.0


def assemble(
    graph: Graph, runs: Sequence[StepRun], *, overlay: Overlay, waits: Waits
) -> dict[str, Any]:
    """Make `results` of one run.

    The last tools' measurements stand at the top; where two of them measure the same name, the
    first by id has it, and each has its own under `tools`.
    """
    top: dict[str, Any] = {}
    for index in graph.last:
        top = {**runs[index].result.measurements, **top}
    tools_ms = sum(run.time_ms for run in runs)
    return {
        **top,
        "tools": {run.step.id: _tool(run) for run in runs},
        "processing_time": round(waits.total_ms / 1000, 6),
        "confidence_score": _confidence(runs),
        "timing": {
            "decode_ms": round(waits.decode_ms, 3),
            "wait_ms": round(waits.wait_ms, 3),
            "tools_ms": round(tools_ms, 3),
            "total_ms": round(waits.total_ms, 3),
        },
        "overlay": overlay.model_dump(mode="json", exclude_none=True),
    }


def overlay_of(runs: Sequence[StepRun], *, size: tuple[int, int]) -> Overlay:
    """All shapes of a run, each with the id of the tool that drew it; the last tools' first."""
    shapes: list[Shape] = [
        shape.model_copy(update={"tool": run.step.id})
        for run in reversed(runs)
        for shape in run.result.overlay
    ]
    return gather(size[0], size[1], shapes=shapes)


def _tool(run: StepRun) -> Mapping[str, Any]:
    own: dict[str, Any] = {**run.result.measurements, "time_ms": round(run.time_ms, 3)}
    if run.result.confidence is not None:
        own["confidence"] = round(run.result.confidence, 4)
    return own


def _confidence(runs: Sequence[StepRun]) -> float:
    """The least confident tool decides; a plain measurement is certain of itself."""
    stated = [run.result.confidence for run in runs if run.result.confidence is not None]
    return round(min(stated, default=1.0), 4)
