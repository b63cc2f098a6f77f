"""A compiled pipeline: steps in an order in which they can run, every input bound to an output."""

from dataclasses import dataclass
from typing import Any

from vision_node.pipeline.tool import Params


@dataclass(frozen=True, slots=True)
class Binding:
    """One input of a step and the outputs (step index, port) that feed it; several where `many`."""

    port: str
    feeds: tuple[tuple[int, str], ...]
    many: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One tool in its place; `release` are the steps whose outputs nobody needs after it."""

    id: str
    name: str
    tool: Params
    bindings: tuple[Binding, ...]
    release: tuple[int, ...]

    @property
    def is_source(self) -> bool:
        """It brings pictures in: no connection feeds it."""
        return not self.tool.inputs


@dataclass(frozen=True, slots=True)
class Graph:
    """Steps in topological order; `last` are the places of those whose outputs feed nobody.

    `models` is what the node has for the tools that use models.
    """

    steps: tuple[Step, ...]
    last: tuple[int, ...]
    models: Any = None

    @property
    def sources(self) -> tuple[Step, ...]:
        """The steps that need a frame."""
        return tuple(step for step in self.steps if step.is_source)
