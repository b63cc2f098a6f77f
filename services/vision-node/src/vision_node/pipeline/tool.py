"""What every tool is: frozen parameters, typed ports and a pure `run`; one file each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue

from common.schemas.vision import PortDescription
from vision_node.overlay import Shape
from vision_node.spaces import Space

Example = dict[str, Any]


class ToolError(Exception):
    """A tool cannot do its work on this input; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one run of a tool gives: values by output port, measurements for the record, vectors.

    An output of None means that there is nothing: tools that need it are skipped. Vectors lie in
    the space of the first input that has one, or in `drawn_in`.
    """

    outputs: Mapping[str, Any] = field(default_factory=dict)
    measurements: Mapping[str, JsonValue] = field(default_factory=dict)
    overlay: tuple[Shape, ...] = ()
    confidence: float | None = None
    drawn_in: Space | None = None


class Params(BaseModel):
    """A tool's parameters, which are the tool: its JSON Schema is form, validation and catalogue.

    A subclass has the field `tool` (its name, a Literal), the class variables below and a method
    `run` whose keyword arguments are its input ports and which returns a Result. `run` is pure and
    may be called from many threads at once.

    A tool that remembers from frame to frame says what it begins a stream with in `new_memory`;
    `run` then has a last argument `memory`, used by one frame at a time. A tool with
    `takes_nothing` runs even where a required input has nothing (None) to give. A tool that
    `uses_models` has an argument `models`.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True
    )

    category: ClassVar[str]
    inputs: ClassVar[tuple[PortDescription, ...]]
    outputs: ClassVar[tuple[PortDescription, ...]]
    example: ClassVar[Example]
    takes_nothing: ClassVar[bool] = False
    uses_models: ClassVar[bool] = False

    def new_memory(self) -> Any:
        """What a stream begins with; None for the many tools that remember nothing."""
        return None


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# JSON Schema holds 128.0 for an integer, so the node does too: both must judge alike.
Whole = Annotated[int, BeforeValidator(_whole)]


def sample_pipeline(sample: str, *tools: tuple[str, dict[str, Any]]) -> Example:
    """Make a chain of tools on a picture that every node ships: the example of a tool."""
    source = {"name": "image_source", "parameters": {"source_type": "sample", "name": sample}}
    chain = [source, *({"name": name, "parameters": parameters} for name, parameters in tools)]
    return {
        "tools": chain,
        "connections": [
            {"from": before["name"], "to": after["name"]} for before, after in pairwise(chain)
        ],
    }


def sample_graph(
    sources: dict[str, str], tools: dict[str, tuple[str, dict[str, Any]]], *connections: str
) -> Example:
    """Make a pipeline that branches: samples and tools by id, connections as `a.port>b.port`."""
    pictures = [
        {
            "name": "image_source",
            "id": key,
            "parameters": {"source_type": "sample", "name": sample},
        }
        for key, sample in sources.items()
    ]
    chosen = [
        {"name": name, "id": key, "parameters": parameters}
        for key, (name, parameters) in tools.items()
    ]
    return {"tools": [*pictures, *chosen], "connections": [_joined(one) for one in connections]}


def _joined(connection: str) -> dict[str, str]:
    ends = {}
    for end, text in zip(("from", "to"), connection.split(">"), strict=True):
        key, _, port = text.partition(".")
        ends[end] = key
        if port:
            ends[f"{end}_port"] = port
    return ends
