"""A caliper: edges and edge pairs along a line, to a fraction of a pixel."""

import math
from itertools import combinations, pairwise
from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from common.schemas.vision import PortDescription
from vision_node.edges import Edge, Probe, edges_along, pick
from vision_node.features import Fixture, PointFeature, placed, rounded, stretch
from vision_node.imaging import Image, grey_pixels
from vision_node.overlay import Line, Point, Shape
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, sample_pipeline
from vision_node.spaces import Space

Pair = tuple[Edge, Edge]
MAX_LISTED = 200


class Caliper(Params):
    """Measure from edge to edge along a line, or find one edge on it."""

    category: ClassVar[str] = "measurement"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("image", PortType.IMAGE),
        takes("fixture", PortType.FIXTURE, required=False),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("width", PortType.NUMBER, unit="px"),
        gives("width_mm", PortType.NUMBER, unit="mm"),
        gives("point", PortType.POINT, unit="px"),
        gives("second_point", PortType.POINT, unit="px"),
        gives("edge_count", PortType.NUMBER, unit="count"),
        gives("is_found", PortType.FLAG),
    )
    example: ClassVar[Example] = sample_pipeline(
        "shapes", ("caliper", {"x1": 20, "y1": 170, "x2": 300, "y2": 170, "width_px": 9})
    )

    tool: Literal["caliper"] = "caliper"
    x1: float = Field(ge=-65536, le=65536, description="Where the caliper begins, x in pixels.")
    y1: float = Field(ge=-65536, le=65536, description="Where it begins, y.")
    x2: float = Field(ge=-65536, le=65536, description="Where it ends, x.")
    y2: float = Field(ge=-65536, le=65536, description="Where it ends, y.")
    width_px: float = Field(
        5.0, ge=1, le=500, description="Width across the line over which it averages."
    )
    sigma_px: float = Field(
        1.0, ge=0.4, le=20, description="Smoothing along the line; more for more noise."
    )
    contrast: float = Field(
        20.0, gt=0, le=255, description="Least step in grey levels that is an edge."
    )
    mode: Literal["pair", "edge"] = Field("pair", description="An edge pair, or a single edge.")
    polarity: Literal["rising", "falling", "any"] = Field(
        "any", description="Of the (first) edge: rising goes from dark to bright."
    )
    select: Literal["widest", "first", "last", "strongest"] = Field(
        "widest", description="Which one; widest means the strongest for a single edge."
    )

    def run(self, image: Image, fixture: Fixture | None = None) -> Result:
        """Any image → the distance of two opposite edges, or the place of one."""
        start, end = placed(fixture, (self.x1, self.y1), (self.x2, self.y2))
        probe = Probe(self.width_px * stretch(fixture), self.sigma_px, self.contrast)
        edges = edges_along(grey_pixels(image), start, end, probe=probe)
        chosen = self._chosen(edges)
        guide = Line(x1=start[0], y1=start[1], x2=end[0], y2=end[1], role="guide")
        measured: dict[str, JsonValue] = {
            "is_found": bool(chosen),
            "edge_count": len(edges),
            "edges": [_edge_json(edge) for edge in edges[:MAX_LISTED]],
        }
        points = [PointFeature(edge.x, edge.y, image.space) for edge in chosen]
        width = chosen[1].along_px - chosen[0].along_px if len(chosen) == 2 else None
        width_mm = _distance_mm(image.space, chosen)
        if width is not None:
            measured |= {"width_px": round(width, 4)}
        if width_mm is not None:
            measured |= {"width_mm": round(width_mm, 5)}
        if points:
            measured["points"] = [point.as_json() for point in points]
        first, second = [*points, None, None][:2]
        return Result(
            outputs={
                "width": width,
                "width_mm": width_mm,
                "point": first,
                "second_point": second,
                "edge_count": len(edges),
                "is_found": bool(chosen),
            },
            measurements=measured,
            overlay=(guide, *_drawn(chosen, width, width_mm)),
        )

    def _chosen(self, edges: list[Edge]) -> tuple[Edge, ...]:
        """No edge, one, or a pair."""
        if self.mode == "edge":
            counted = [edge for edge in edges if self._begins(edge)]
            edge = pick(counted, "strongest" if self.select == "widest" else self.select)
            return () if edge is None else (edge,)
        pairs = [pair for pair in pairwise(edges) if self._is_pair(pair)]
        if self.select == "widest":
            pairs = [pair for pair in combinations(edges, 2) if self._is_pair(pair)]
            return max(pairs, key=lambda pair: pair[1].along_px - pair[0].along_px, default=())
        if self.select == "strongest":
            return max(pairs, key=lambda p: min(abs(p[0].step), abs(p[1].step)), default=())
        if not pairs:
            return ()
        return pairs[0] if self.select == "first" else pairs[-1]

    def _is_pair(self, pair: Pair) -> bool:
        return self._begins(pair[0]) and pair[0].is_rising != pair[1].is_rising

    def _begins(self, edge: Edge) -> bool:
        return self.polarity == "any" or edge.is_rising == (self.polarity == "rising")


def _edge_json(edge: Edge) -> JsonValue:
    return {
        "x": round(edge.x, 4),
        "y": round(edge.y, 4),
        "along_px": round(edge.along_px, 4),
        "step": round(edge.step, 2),
    }


def _distance_mm(space: Space, chosen: tuple[Edge, ...]) -> float | None:
    if len(chosen) < 2:
        return None
    return space.distance_mm((chosen[0].x, chosen[0].y), (chosen[1].x, chosen[1].y))


def _drawn(
    chosen: tuple[Edge, ...], width: float | None, width_mm: float | None
) -> tuple[Shape, ...]:
    if len(chosen) < 2 or width is None or math.isnan(width):
        return tuple(Point(x=edge.x, y=edge.y) for edge in chosen)
    one, other = chosen
    text = f"{width:.2f} px" if width_mm is None else f"{rounded(width_mm, 3)} mm"
    line = Line(x1=one.x, y1=one.y, x2=other.x, y2=other.y, label=text)
    return (line, *(Point(x=edge.x, y=edge.y) for edge in chosen))
