"""What a tool draws: vectors in pixels of the picture, drawn at any size (contract, chapter 5)."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["found", "pass", "fail", "guide"]
XY = tuple[float, float]


class Drawn(BaseModel):
    """What all shapes share: who drew it, what it means, and what is written beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role = Field(
        "found", description="found, pass and fail are results; guide is where the tool looked."
    )
    label: str | None = Field(None, max_length=120, description="Text beside the shape.")
    tool: str | None = Field(
        None, description="Id of the tool that drew it; the engine fills it in."
    )


class Polygon(Drawn):
    """A closed outline, or an open one."""

    kind: Literal["polygon"] = "polygon"
    points: tuple[XY, ...]
    closed: bool = True


class Box(Drawn):
    """An upright rectangle: top left corner and size."""

    kind: Literal["box"] = "box"
    x: float
    y: float
    width: float
    height: float


class Circle(Drawn):
    """A circle."""

    kind: Literal["circle"] = "circle"
    cx: float
    cy: float
    radius: float


class Line(Drawn):
    """A straight line between two points."""

    kind: Literal["line"] = "line"
    x1: float
    y1: float
    x2: float
    y2: float


class Point(Drawn):
    """A place, drawn as a cross."""

    kind: Literal["point"] = "point"
    x: float
    y: float


class Label(Drawn):
    """Text alone, its top left corner at a place."""

    kind: Literal["label"] = "label"
    x: float
    y: float
    text: str = Field(max_length=120)


Shape = Annotated[Polygon | Box | Circle | Line | Point | Label, Field(discriminator="kind")]


class Overlay(BaseModel):
    """All shapes on one picture, and the size of the picture that they are measured in."""

    model_config = ConfigDict(frozen=True)

    width: int
    height: int
    shapes: tuple[Shape, ...] = ()
    omitted: int = Field(0, description="Shapes left out because there were too many to send.")


MAX_SHAPES = 600


def gather(width: int, height: int, *, shapes: Sequence[Shape]) -> Overlay:
    """One overlay of at most MAX_SHAPES shapes; says how many it left out."""
    kept = tuple(shapes[:MAX_SHAPES])
    return Overlay(width=width, height=height, shapes=kept, omitted=len(shapes) - len(kept))
