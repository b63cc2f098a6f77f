"""An oval edge: holes seen aslant, cams, gaskets (Fitzgibbon, Pilu and Fisher, 1999)."""

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, JsonValue

from common.schemas.vision import PortDescription
from vision_node.edges import Probe
from vision_node.features import Fixture, PointFeature, placed, stretch
from vision_node.geometry import Fit, fit_ellipse
from vision_node.imaging import Image, grey_pixels
from vision_node.overlay import Point, Polygon
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, Whole, sample_pipeline
from vision_node.searching import Ray, drawn, edge_points, rays_around

_NAMES = ("centre", "major", "minor", "major_mm", "minor_mm", "angle", "axis_ratio")


class FitEllipse(Params):
    """Fit an ellipse to an edge that lies between two radii about a place."""

    category: ClassVar[str] = "measurement"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("image", PortType.IMAGE),
        takes("fixture", PortType.FIXTURE, required=False),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("centre", PortType.POINT, unit="px"),
        gives("major", PortType.NUMBER, unit="px"),
        gives("minor", PortType.NUMBER, unit="px"),
        gives("major_mm", PortType.NUMBER, unit="mm"),
        gives("minor_mm", PortType.NUMBER, unit="mm"),
        gives("angle", PortType.NUMBER, unit="deg"),
        gives("axis_ratio", PortType.NUMBER),
        gives("is_found", PortType.FLAG),
    )
    example: ClassVar[Example] = sample_pipeline(
        "shapes",
        ("fit_ellipse", {"cx": 120, "cy": 120, "inner_radius": 20, "outer_radius": 42}),
    )

    tool: Literal["fit_ellipse"] = "fit_ellipse"
    cx: float = Field(ge=-65536, le=65536, description="A place inside it, x.")
    cy: float = Field(ge=-65536, le=65536, description="A place inside it, y.")
    inner_radius: float = Field(ge=0, le=16384, description="No edge lies closer than this.")
    outer_radius: float = Field(gt=0, le=16384, description="No edge lies farther than this.")
    calipers: Whole = Field(64, ge=8, le=1000, description="How many places are measured.")
    width_px: float = Field(3.0, ge=1, le=100, description="Width that each of them averages.")
    sigma_px: float = Field(1.0, ge=0.4, le=20, description="Smoothing across the edge.")
    contrast: float = Field(20.0, gt=0, le=255, description="Least step in grey levels.")
    polarity: Literal["rising", "falling", "any"] = Field(
        "any", description="From the place outward; rising: dark inside."
    )
    select: Literal["strongest", "first", "last"] = Field(
        "strongest", description="Which edge of each caliper."
    )

    def run(self, image: Image, fixture: Fixture | None = None) -> Result:
        """Any image → centre, whole axes and the angle of the longer one."""
        (centre,) = placed(fixture, (self.cx, self.cy))
        factor = stretch(fixture)
        rays = rays_around(
            centre,
            inner=self.inner_radius * factor,
            outer=self.outer_radius * factor,
            count=self.calipers,
            arc_deg=(0.0, 360.0),
        )
        probe = Probe(self.width_px * factor, self.sigma_px, self.contrast, self.polarity)
        points = edge_points(grey_pixels(image), rays, probe=probe, select=self.select)
        fit = fit_ellipse(points)
        if fit is None or fit.is_inlier.sum() < self.calipers / 2:
            outputs = {**dict.fromkeys(_NAMES), "is_found": False}
            return Result(outputs, {"is_found": False}, overlay=drawn(rays), confidence=0.0)
        return self._found(image, rays, fit)

    def _found(self, image: Image, rays: list[Ray], fit: Fit) -> Result:
        cx, cy, major, minor, angle = fit.figures
        centre = PointFeature(cx, cy, image.space)
        rim = _rim(fit.figures)
        major_mm, minor_mm = (
            image.space.distance_mm(rim[k], rim[k + len(rim) // 2]) for k in (0, len(rim) // 4)
        )
        values = (centre, major, minor, major_mm, minor_mm, angle, minor / major)
        measured: dict[str, JsonValue] = {
            "is_found": True,
            "centre": dict(centre.as_json()),
            "major_px": round(major, 4),
            "minor_px": round(minor, 4),
            "angle_deg": round(angle, 3),
            "axis_ratio": round(minor / major, 5),
            "rms_px": round(fit.rms_px, 4),
        }
        if major_mm is not None and minor_mm is not None:
            measured |= {"major_mm": round(major_mm, 5), "minor_mm": round(minor_mm, 5)}
        shape = Polygon(points=rim, label=f"{major:.2f} x {minor:.2f} px")
        return Result(
            outputs={**dict(zip(_NAMES, values, strict=True)), "is_found": True},
            measurements=measured,
            overlay=(*drawn(rays), shape, Point(x=cx, y=cy)),
            confidence=min(1.0, float(fit.is_inlier.sum()) / self.calipers),
        )


def _rim(figures: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    """48 places round the ellipse, the first at an end of its longer axis."""
    cx, cy, major, minor, angle_deg = figures
    angle = math.radians(angle_deg)
    turns = np.arange(48) * math.pi / 24
    u, v = np.cos(turns) * major / 2, np.sin(turns) * minor / 2
    x = cx + u * math.cos(angle) - v * math.sin(angle)
    y = cy + u * math.sin(angle) + v * math.cos(angle)
    return tuple(zip(x.tolist(), y.tolist(), strict=True))
