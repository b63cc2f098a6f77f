"""A round edge near where it is expected, fitted through calipers from inside to outside."""

from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from common.schemas.vision import PortDescription
from vision_node.edges import Probe
from vision_node.features import CircleFeature, Fixture, placed, rounded, stretch
from vision_node.geometry import Fit, fit_circle
from vision_node.imaging import Image, grey_pixels
from vision_node.overlay import Circle, Point
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, Whole, sample_pipeline
from vision_node.searching import Ray, drawn, edge_points, rays_around

_NAMES = ("circle", "radius", "diameter", "diameter_mm", "roundness")


class FindCircle(Params):
    """Find a circle or an arc close to an expected one; outliers are left out."""

    category: ClassVar[str] = "measurement"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("image", PortType.IMAGE),
        takes("fixture", PortType.FIXTURE, required=False),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("circle", PortType.CIRCLE, unit="px"),
        gives("radius", PortType.NUMBER, unit="px"),
        gives("diameter", PortType.NUMBER, unit="px"),
        gives("diameter_mm", PortType.NUMBER, unit="mm"),
        gives("roundness", PortType.NUMBER, unit="px"),
        gives("is_found", PortType.FLAG),
    )
    example: ClassVar[Example] = sample_pipeline(
        "shapes", ("find_circle", {"cx": 118, "cy": 122, "radius": 30, "search_px": 10})
    )

    tool: Literal["find_circle"] = "find_circle"
    cx: float = Field(ge=-65536, le=65536, description="Where the centre is expected, x.")
    cy: float = Field(ge=-65536, le=65536, description="Where the centre is expected, y.")
    radius: float = Field(gt=0, le=16384, description="Expected radius in pixels.")
    search_px: float = Field(
        15.0, ge=2, le=2000, description="How far inward and outward it looks, in pixels."
    )
    start_deg: float = Field(0.0, ge=-360, le=360, description="Where an arc begins.")
    sweep_deg: float = Field(360.0, ge=10, le=360, description="Angle of the arc.")
    calipers: Whole = Field(48, ge=6, le=1000, description="How many places are measured.")
    width_px: float = Field(3.0, ge=1, le=100, description="Width that each of them averages.")
    sigma_px: float = Field(1.0, ge=0.4, le=20, description="Smoothing across the edge.")
    contrast: float = Field(20.0, gt=0, le=255, description="Least step in grey levels.")
    polarity: Literal["rising", "falling", "any"] = Field(
        "any", description="From the centre outward; rising: dark inside."
    )
    select: Literal["strongest", "first", "last"] = Field(
        "strongest", description="Which edge of each caliper."
    )
    least_ratio: float = Field(
        0.5, gt=0, le=1, description="Part of the calipers that must agree on the circle."
    )

    def run(self, image: Image, fixture: Fixture | None = None) -> Result:
        """Any image → centre and radius; millimetres where it is calibrated."""
        (centre,) = placed(fixture, (self.cx, self.cy))
        factor = stretch(fixture)
        turn = 0.0 if fixture is None else fixture.pose.angle_deg
        rays = rays_around(
            centre,
            inner=max(0.0, self.radius - self.search_px) * factor,
            outer=(self.radius + self.search_px) * factor,
            count=self.calipers,
            arc_deg=(self.start_deg + turn, self.sweep_deg),
        )
        probe = Probe(self.width_px * factor, self.sigma_px, self.contrast, self.polarity)
        points = edge_points(grey_pixels(image), rays, probe=probe, select=self.select)
        fit = fit_circle(points)
        if fit is None or fit.is_inlier.sum() < max(3, self.least_ratio * self.calipers):
            return _nothing(rays)
        return self._found(image, rays, fit=fit, band_px=probe.width_px)

    def _found(self, image: Image, rays: list[Ray], *, fit: Fit, band_px: float) -> Result:
        cx, cy, radius = fit.figures
        radius += _sagitta_px(max(1, round(band_px)), radius)
        circle = CircleFeature(cx, cy, radius, image.space)
        diameter_mm = None if circle.radius_mm is None else 2 * circle.radius_mm
        measured: dict[str, JsonValue] = {
            "is_found": True,
            "circle": dict(circle.as_json()),
            "diameter_px": round(2 * radius, 4),
            "roundness_px": round(fit.range_px, 4),
            "rms_px": round(fit.rms_px, 4),
            "points_used": int(fit.is_inlier.sum()),
        }
        text = f"d {2 * radius:.2f} px"
        if diameter_mm is not None:
            measured["diameter_mm"] = rounded(diameter_mm)
            text = f"d {diameter_mm:.3f} mm"
        shape = Circle(cx=cx, cy=cy, radius=radius, label=text)
        values = (circle, radius, 2 * radius, diameter_mm, fit.range_px)
        return Result(
            outputs={**dict(zip(_NAMES, values, strict=True)), "is_found": True},
            measurements=measured,
            overlay=(*drawn(rays), shape, Point(x=cx, y=cy)),
            confidence=min(1.0, float(fit.is_inlier.sum()) / self.calipers),
        )


def _sagitta_px(rows: int, radius: float) -> float:
    """By how much a straight band sees a round edge too near: the mean of u² / 2r over its rows.

    A quarter comes from the pixels themselves, which average over their own width.
    """
    return ((rows**2 - 1) / 12 + 0.25) / (2 * radius)


def _nothing(rays: list[Ray]) -> Result:
    return Result(
        outputs={**dict.fromkeys(_NAMES), "is_found": False},
        measurements={"is_found": False},
        overlay=drawn(rays),
        confidence=0.0,
    )
