"""Small tools without OpenCV, to test the engine by."""

from typing import ClassVar, Literal

from pydantic import Field

from common.schemas.vision import PortDescription
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, ToolError, Whole


class Number(Params):
    """A source of one number."""

    category: ClassVar[str] = "source"
    inputs: ClassVar[tuple[PortDescription, ...]] = ()
    outputs: ClassVar[tuple[PortDescription, ...]] = (gives("value", PortType.NUMBER, unit="px"),)
    example: ClassVar[Example] = {}

    tool: Literal["number"] = "number"
    value: Whole = 1

    def run(self, frame: object) -> Result:
        return Result(outputs={"value": self.value}, measurements={"value": self.value})


class Add(Params):
    """Adds up whatever is connected."""

    category: ClassVar[str] = "logic"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("values", PortType.NUMBER, unit="px", many=True),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (gives("total", PortType.NUMBER, unit="px"),)
    example: ClassVar[Example] = {}

    tool: Literal["add"] = "add"
    plus: Whole = Field(0, ge=-100, le=100)

    def run(self, values: list[int]) -> Result:
        total = sum(values) + self.plus
        return Result(outputs={"total": total}, measurements={"total": total})


class Subtract(Params):
    """Takes one number from the other."""

    category: ClassVar[str] = "logic"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("of", PortType.NUMBER),
        takes("less", PortType.NUMBER),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (gives("rest", PortType.NUMBER, unit="px"),)
    example: ClassVar[Example] = {}

    tool: Literal["subtract"] = "subtract"

    def run(self, of: int, less: int) -> Result:
        return Result(outputs={"rest": of - less}, measurements={"rest": of - less})


class Judge(Params):
    """Says whether a length is long enough; refuses negative ones."""

    category: ClassVar[str] = "logic"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("length", PortType.NUMBER, unit="mm"),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (gives("passed", PortType.FLAG),)
    example: ClassVar[Example] = {}

    tool: Literal["judge"] = "judge"

    def run(self, length: float) -> Result:
        return Result(outputs={"passed": length > 1}, confidence=0.5)


class Fail(Params):
    """Fails in the way that it is told to."""

    category: ClassVar[str] = "logic"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("value", PortType.NUMBER),)
    outputs: ClassVar[tuple[PortDescription, ...]] = ()
    example: ClassVar[Example] = {}

    tool: Literal["fail"] = "fail"
    by: Literal["words", "bug"] = "words"

    def run(self, value: int) -> Result:
        if self.by == "words":
            raise ToolError("this cannot be measured")
        raise RuntimeError("/home/somebody/secret/path")


class Nothing(Params):
    """A source that has nothing to give."""

    category: ClassVar[str] = "source"
    inputs: ClassVar[tuple[PortDescription, ...]] = ()
    outputs: ClassVar[tuple[PortDescription, ...]] = (gives("value", PortType.NUMBER, unit="px"),)
    example: ClassVar[Example] = {}

    tool: Literal["nothing"] = "nothing"

    def run(self, frame: object) -> Result:
        return Result(outputs={"value": None})


class Tally(Params):
    """Counts the frames of a stream."""

    category: ClassVar[str] = "logic"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("value", PortType.NUMBER),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (gives("frames", PortType.NUMBER),)
    example: ClassVar[Example] = {}

    tool: Literal["tally"] = "tally"

    def new_memory(self) -> list[int]:
        return []

    def run(self, value: int, memory: list[int]) -> Result:
        memory.append(value)
        return Result(outputs={"frames": len(memory)}, measurements={"frames": len(memory)})


TOOLS: dict[str, type[Params]] = {
    "number": Number,
    "add": Add,
    "subtract": Subtract,
    "judge": Judge,
    "fail": Fail,
    "tally": Tally,
    "nothing": Nothing,
}
