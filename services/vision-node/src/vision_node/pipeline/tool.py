"""What every tool is: frozen parameters, typed ports and a pure `run`; one file each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue

from common.schemas.vision import PortDescription
from vision_node.overlay import Shape

Example = dict[str, Any]


class ToolError(Exception):
    """A tool cannot do its work on this input; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one run of a tool gives: values by output port, measurements for the record, vectors."""

    outputs: Mapping[str, Any] = field(default_factory=dict)
    measurements: Mapping[str, JsonValue] = field(default_factory=dict)
    overlay: tuple[Shape, ...] = ()
    confidence: float | None = None


class Params(BaseModel):
    """A tool's parameters, which are the tool: its JSON Schema is form, validation and catalogue.

    A subclass has the field `tool` (its name, a Literal), the class variables below and a method
    `run` whose keyword arguments are its input ports and which returns a Result. `run` is pure and
    may be called from many threads at once.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True
    )

    category: ClassVar[str]
    inputs: ClassVar[tuple[PortDescription, ...]]
    outputs: ClassVar[tuple[PortDescription, ...]]
    example: ClassVar[Example]


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
