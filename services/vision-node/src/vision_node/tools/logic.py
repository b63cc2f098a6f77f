"""Joins verdicts: all of them, any, none, or at least so many."""

from typing import ClassVar, Literal

from pydantic import Field

from common.schemas.vision import PortDescription
from vision_node.overlay import Label
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, Whole, sample_graph


class Logic(Params):
    """Join any number of verdicts by and, or, not, count; what was not judged counts as false."""

    category: ClassVar[str] = "logic"
    takes_nothing: ClassVar[bool] = True
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("flags", PortType.FLAG, many=True),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("passed", PortType.FLAG),
        gives("failed", PortType.FLAG),
        gives("count", PortType.NUMBER, unit="count"),
    )
    example: ClassVar[Example] = sample_graph(
        {"picture": "shapes"},
        {
            "plate": ("caliper", {"x1": 20, "y1": 170, "x2": 300, "y2": 170}),
            "hole": ("find_circle", {"cx": 120, "cy": 120, "radius": 30}),
            "width": ("rule", {"nominal": 220, "tolerance": 1}),
            "radius": ("rule", {"minimum": 29, "maximum": 31, "label_y": 30}),
            "part": ("logic", {"operation": "and"}),
        },
        "picture.image>plate",
        "picture.image>hole",
        "plate.width>width",
        "hole.radius>radius",
        "width.passed>part",
        "radius.passed>part",
    )

    tool: Literal["logic"] = "logic"
    operation: Literal["and", "or", "not", "count"] = Field(
        "and",
        description="and: all are true; or: any is; not: none is; count: at least so many are.",
    )
    at_least: Whole = Field(1, ge=0, le=1000, description="count: how many must be true.")

    def run(self, flags: list[bool | None]) -> Result:
        """Verdicts → one verdict, and how many were true."""
        count = sum(flag is True for flag in flags)
        passed = {
            "and": count == len(flags),
            "or": count > 0,
            "not": count == 0,
            "count": count >= self.at_least,
        }[self.operation]
        text = f"{'PASS' if passed else 'FAIL'} {count}/{len(flags)}"
        verdict = Label(x=6, y=54, text=text, role="pass" if passed else "fail")
        return Result(
            outputs={"passed": passed, "failed": not passed, "count": count},
            measurements={"passed": passed, "true_count": count, "flag_count": len(flags)},
            overlay=(verdict,),
        )
