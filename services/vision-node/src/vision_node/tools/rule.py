"""Pass or fail: a number against its limits, or against a nominal value with tolerances."""

from typing import ClassVar, Literal

from pydantic import Field, JsonValue, model_validator

from common.schemas.vision import PortDescription
from vision_node.overlay import Label
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, sample_graph


class Rule(Params):
    """Judge a number by limits, or by a nominal value and tolerances; nothing measured fails."""

    category: ClassVar[str] = "logic"
    takes_nothing: ClassVar[bool] = True
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("value", PortType.NUMBER),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("passed", PortType.FLAG),
        gives("failed", PortType.FLAG),
    )
    example: ClassVar[Example] = sample_graph(
        {"picture": "shapes"},
        {
            "plate": ("caliper", {"x1": 20, "y1": 170, "x2": 300, "y2": 170}),
            "width": ("rule", {"nominal": 220, "tolerance": 0.5, "label": "width"}),
        },
        "picture.image>plate",
        "plate.width>width",
    )

    tool: Literal["rule"] = "rule"
    minimum: float | None = Field(None, description="Least value that passes.")
    maximum: float | None = Field(None, description="Largest value that passes.")
    nominal: float | None = Field(None, description="The value that is meant.")
    tolerance: float | None = Field(None, ge=0, description="How far it may be off either way.")
    tolerance_above: float | None = Field(None, ge=0, description="How far it may lie above.")
    tolerance_below: float | None = Field(None, ge=0, description="How far it may lie below.")
    label: str = Field("", max_length=60, description="What stands before the figure.")
    label_x: float = Field(6.0, ge=-65536, le=65536, description="Where the verdict stands, x.")
    label_y: float = Field(6.0, ge=-65536, le=65536, description="Where the verdict stands, y.")

    @model_validator(mode="after")
    def _has_limits(self) -> "Rule":
        low, high = self.limits
        if low is None and high is None:
            raise ValueError("give minimum, maximum, or nominal with a tolerance")
        if low is not None and high is not None and low > high:
            raise ValueError("minimum must not be above maximum")
        return self

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """The narrowest limits of all that were given, both included."""
        lows, highs = [self.minimum], [self.maximum]
        if self.nominal is not None:
            below = self.tolerance if self.tolerance_below is None else self.tolerance_below
            above = self.tolerance if self.tolerance_above is None else self.tolerance_above
            lows.append(None if below is None else self.nominal - below)
            highs.append(None if above is None else self.nominal + above)
        low = max((value for value in lows if value is not None), default=None)
        high = min((value for value in highs if value is not None), default=None)
        return low, high

    def run(self, value: float | None) -> Result:
        """A number → whether it lies within the limits."""
        low, high = self.limits
        passed = (
            value is not None and (low is None or value >= low) and (high is None or value <= high)
        )
        measured: dict[str, JsonValue] = {
            "passed": passed,
            "value": None if value is None else round(value, 5),
            "minimum": low,
            "maximum": high,
        }
        if self.nominal is not None and value is not None:
            measured["deviation"] = round(value - self.nominal, 5)
        if value is None:
            measured["reason"] = "there is no value to judge"
        figure = "no value" if value is None else f"{value:.4g}"
        text = f"{self.label} {figure} {'OK' if passed else 'NOT OK'}".strip()
        verdict = Label(
            x=self.label_x, y=self.label_y, text=text, role="pass" if passed else "fail"
        )
        return Result(
            outputs={"passed": passed, "failed": not passed},
            measurements=measured,
            overlay=(verdict,),
        )
