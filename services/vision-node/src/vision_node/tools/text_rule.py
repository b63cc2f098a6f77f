"""Pass or fail by a text that was read: a code, a class, a name."""

from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from common.schemas.vision import PortDescription
from vision_node.overlay import Label
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, sample_graph

Pattern = Annotated[str, Field(min_length=1, max_length=200)]


class TextRule(Params):
    """Judge a text by patterns in which * stands for anything and ? for one character."""

    category: ClassVar[str] = "logic"
    takes_nothing: ClassVar[bool] = True
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("text", PortType.TEXT),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("passed", PortType.FLAG),
        gives("failed", PortType.FLAG),
    )
    example: ClassVar[Example] = sample_graph(
        {"picture": "blobs"},
        {
            "bright": ("threshold", {"level": 128}),
            "shapes": ("contours", {"min_area": 50}),
            "sizes": ("size_sorting", {"measure": "area", "classes": [{"name": "disc"}]}),
            "expected": ("text_rule", {"allowed": ["disc"]}),
        },
        "picture.image>bright",
        "bright.mask>shapes",
        "shapes.regions>sizes",
        "sizes.largest>expected",
    )

    tool: Literal["text_rule"] = "text_rule"
    allowed: Annotated[tuple[Pattern, ...], Field(strict=False)] = Field(
        min_length=1, max_length=100, description="Patterns; one that fits is enough."
    )

    def run(self, text: str | None) -> Result:
        """A text → whether it fits one of the patterns; no text fails."""
        passed = text is not None and any(fnmatchcase(text, one) for one in self.allowed)
        shown = f"{text if text is not None else 'no text'} {'OK' if passed else 'NOT OK'}"
        verdict = Label(x=6, y=30, text=shown[:120], role="pass" if passed else "fail")
        return Result(
            outputs={"passed": passed, "failed": not passed},
            measurements={"passed": passed, "text": text},
            overlay=(verdict,),
        )
