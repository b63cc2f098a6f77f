"""A straight edge near where it is expected, fitted through a row of calipers."""

from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from common.schemas.vision import PortDescription
from vision_node.edges import Probe
from vision_node.features import Fixture, LineFeature, placed, stretch
from vision_node.geometry import Fit, fit_line
from vision_node.imaging import Image, grey_pixels
from vision_node.overlay import Line, Shape
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, Whole, sample_pipeline
from vision_node.searching import Ray, drawn, edge_points, rays_across
from vision_node.spaces import Points


class FindLine(Params):
    """Find a straight edge close to an expected line; outliers are left out."""

    category: ClassVar[str] = "measurement"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("image", PortType.IMAGE),
        takes("fixture", PortType.FIXTURE, required=False),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("line", PortType.LINE, unit="px"),
        gives("angle", PortType.NUMBER, unit="deg"),
        gives("straightness", PortType.NUMBER, unit="px"),
        gives("is_found", PortType.FLAG),
    )
    example: ClassVar[Example] = sample_pipeline(
        "shapes", ("find_line", {"x1": 60, "y1": 40, "x2": 260, "y2": 40, "search_px": 15})
    )

    tool: Literal["find_line"] = "find_line"
    x1: float = Field(ge=-65536, le=65536, description="Where the line is expected to begin, x.")
    y1: float = Field(ge=-65536, le=65536, description="Where it is expected to begin, y.")
    x2: float = Field(ge=-65536, le=65536, description="Where it is expected to end, x.")
    y2: float = Field(ge=-65536, le=65536, description="Where it is expected to end, y.")
    search_px: float = Field(
        20.0, ge=2, le=2000, description="How far to each side it looks, in pixels."
    )
    calipers: Whole = Field(24, ge=3, le=500, description="How many places are measured.")
    width_px: float = Field(5.0, ge=1, le=200, description="Width that each of them averages.")
    sigma_px: float = Field(1.0, ge=0.4, le=20, description="Smoothing across the edge.")
    contrast: float = Field(20.0, gt=0, le=255, description="Least step in grey levels.")
    polarity: Literal["rising", "falling", "any"] = Field(
        "any", description="Seen from the left of the line to its right, going from start to end."
    )
    select: Literal["strongest", "first", "last"] = Field(
        "strongest", description="Which edge of each caliper."
    )
    least_ratio: float = Field(
        0.5, gt=0, le=1, description="Part of the calipers that must agree on the line."
    )

    def run(self, image: Image, fixture: Fixture | None = None) -> Result:
        """Any image → the line, between the first and the last caliper that met it."""
        start, end = placed(fixture, (self.x1, self.y1), (self.x2, self.y2))
        factor = stretch(fixture)
        rays = rays_across(start, end, search_px=self.search_px * factor, count=self.calipers)
        probe = Probe(self.width_px * factor, self.sigma_px, self.contrast, self.polarity)
        points = edge_points(grey_pixels(image), rays, probe=probe, select=self.select)
        fit = fit_line(points)
        if fit is None or fit.is_inlier.sum() < max(2, self.least_ratio * self.calipers):
            return _nothing(rays)
        return self._found(image, rays, points=points, fit=fit)

    def _found(self, image: Image, rays: list[Ray], *, points: Points, fit: Fit) -> Result:
        x, y, dx, dy = fit.figures
        (x1, y1), (x2, y2) = rays[0].start, rays[-1].start
        if (x2 - x1) * dx + (y2 - y1) * dy < 0:
            dx, dy = -dx, -dy
        along = (points[fit.is_inlier] - (x, y)) @ (dx, dy)
        near, far = float(along.min()), float(along.max())
        line = LineFeature(
            (x + near * dx, y + near * dy), (x + far * dx, y + far * dy), image.space
        )
        ratio = float(fit.is_inlier.sum()) / self.calipers
        measured: dict[str, JsonValue] = {
            "is_found": True,
            "line": dict(line.as_json()),
            "angle_deg": round(line.angle_deg, 4),
            "straightness_px": round(fit.range_px, 4),
            "rms_px": round(fit.rms_px, 4),
            "points_used": int(fit.is_inlier.sum()),
        }
        shape = Line(x1=line.start[0], y1=line.start[1], x2=line.end[0], y2=line.end[1])
        overlay: tuple[Shape, ...] = (*drawn(rays), shape)
        return Result(
            outputs={
                "line": line,
                "angle": line.angle_deg,
                "straightness": fit.range_px,
                "is_found": True,
            },
            measurements=measured,
            overlay=overlay,
            confidence=min(1.0, ratio),
        )


def _nothing(rays: list[Ray]) -> Result:
    return Result(
        outputs={"line": None, "angle": None, "straightness": None, "is_found": False},
        measurements={"is_found": False},
        overlay=drawn(rays),
        confidence=0.0,
    )
