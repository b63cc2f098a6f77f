"""From pixels to millimetres: by a scale, by known places, or by a checkerboard.

Every measure after this tool comes in millimetres too. Corners by Duda and Frese's detector
(OpenCV's `findChessboardCornersSB`), maps by least squares.
"""

from typing import Annotated, ClassVar, Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, grey_pixels
from vision_node.overlay import Line, Point, Shape
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import (
    Example,
    Params,
    Result,
    ToolError,
    Whole,
    sample_pipeline,
)
from vision_node.spaces import Homography, Matrix, Points

_NO_MAP = "the known places do not determine a map: they lie on a line or together"
_LEAST = {"similarity": 2, "affine": 3, "perspective": 4}


class KnownPlace(BaseModel):
    """A place in the picture whose millimetres are known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    x: float = Field(ge=-65536, le=65536, description="In pixels.")
    y: float = Field(ge=-65536, le=65536, description="In pixels.")
    x_mm: float = Field(ge=-1e6, le=1e6, description="In millimetres.")
    y_mm: float = Field(ge=-1e6, le=1e6, description="In millimetres.")


class Calibration(Params):
    """Teach the picture its millimetres; a board may be a picture of its own, of the same view."""

    category: ClassVar[str] = "calibration"
    inputs: ClassVar[tuple[PortDescription, ...]] = (
        takes("image", PortType.IMAGE),
        takes("board", PortType.IMAGE, required=False),
    )
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("image", PortType.IMAGE),
        gives("scale", PortType.NUMBER, unit="mm/px"),
        gives("error", PortType.NUMBER, unit="mm"),
    )
    example: ClassVar[Example] = sample_pipeline(
        "checkerboard",
        ("calibration", {"method": "checkerboard", "columns": 7, "rows": 5, "square_mm": 5}),
        ("caliper", {"x1": 70, "y1": 95, "x2": 250, "y2": 99, "select": "first"}),
    )

    tool: Literal["calibration"] = "calibration"
    method: Literal["scale", "points", "checkerboard"] = Field(
        "scale", description="scale: one figure; points: known places; checkerboard: a board."
    )
    mm_per_px: float = Field(1.0, gt=0, le=1000, description="scale: millimetres a pixel.")
    points: Annotated[tuple[KnownPlace, ...], Field(strict=False)] = Field(
        (), max_length=200, description="points: two or more known places."
    )
    model: Literal["auto", "similarity", "affine", "perspective"] = Field(
        "auto", description="points: the map; auto: the richest that so many places determine."
    )
    columns: Whole = Field(7, ge=3, le=100, description="checkerboard: inner corners across.")
    rows: Whole = Field(5, ge=3, le=100, description="checkerboard: inner corners down.")
    square_mm: float = Field(5.0, gt=0, le=10000, description="checkerboard: side of a square.")

    @model_validator(mode="after")
    def _enough_points(self) -> "Calibration":
        if self.method == "points" and len(self.points) < _LEAST[self._map()]:
            raise ValueError(f"{self._map()} needs {_LEAST[self._map()]} points or more")
        return self

    def run(self, image: Image, board: Image | None = None) -> Result:
        """Any image → the same, calibrated; the scale is that in its middle."""
        seen, known = self._places(image if board is None else board)
        to_mm, shapes = Homography(np.diag([self.mm_per_px, self.mm_per_px, 1.0])), tuple[Shape]()
        error = None
        if len(seen):
            to_mm = Homography(_fitted(seen, known, self._map()))
            apart = to_mm(seen) - known
            error = float(np.sqrt((apart**2).sum(axis=1).mean()))
            shapes = _drawn(seen)
        space = image.space.calibrated(to_mm)
        middle = (image.width / 2, image.height / 2)
        scale = float(np.sqrt(space.area_mm2(middle, 1.0) or 0.0))
        measured: dict[str, JsonValue] = {"mm_per_px": round(scale, 8), "points": len(seen)}
        if error is not None:
            measured["error_mm"] = round(error, 6)
        return Result(
            outputs={"image": Image(image.pixels, space), "scale": scale, "error": error},
            measurements=measured,
            overlay=shapes,
        )

    def _map(self) -> str:
        if self.method == "checkerboard":
            return "perspective"
        if self.model != "auto":
            return self.model
        count = len(self.points)
        return "similarity" if count < 3 else "affine" if count < 4 else "perspective"

    def _places(self, board: Image) -> tuple[Points, Points]:
        """Places in pixels and in millimetres, `(N, 2)` each; none for a plain scale."""
        if self.method == "scale":
            return np.empty((0, 2)), np.empty((0, 2))
        if self.method == "points":
            seen = np.array([(p.x, p.y) for p in self.points], np.float64)
            return seen, np.array([(p.x_mm, p.y_mm) for p in self.points], np.float64)
        size = (self.columns, self.rows)
        flags = cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_ACCURACY
        is_found, corners = cv2.findChessboardCornersSB(grey_pixels(board), size, flags=flags)
        if not is_found:
            message = f"no checkerboard of {self.columns} × {self.rows} inner corners is seen"
            raise ToolError(message)
        down, across = np.mgrid[0 : self.rows, 0 : self.columns]
        known = np.column_stack([across.ravel(), down.ravel()]) * self.square_mm
        return np.asarray(corners, np.float64).reshape(-1, 2), known.astype(np.float64)


def _fitted(seen: Points, known: Points, model: str) -> Matrix:
    """The `(3, 3)` map of pixels to millimetres; raises ToolError where the places allow none."""
    try:
        matrix = (
            _perspective(seen, known) if model == "perspective" else _linear(seen, known, model)
        )
    except (np.linalg.LinAlgError, cv2.error) as error:
        raise ToolError(_NO_MAP) from error
    if not np.isfinite(matrix).all() or abs(float(np.linalg.det(matrix))) < 1e-12:
        raise ToolError(_NO_MAP)
    return matrix


def _perspective(seen: Points, known: Points) -> Matrix:
    found: object = cv2.findHomography(seen, known, 0)[0]
    if found is None:
        raise ToolError(_NO_MAP)
    return np.asarray(found, np.float64)


def _linear(seen: Points, known: Points, model: str) -> Matrix:
    x, y = seen.T
    one, none = np.ones(len(seen)), np.zeros(len(seen))
    if model == "affine":
        system = np.column_stack([x, y, one])
        (a, b, c), (d, e, f) = np.linalg.lstsq(system, known, rcond=None)[0].T
        return np.array([[a, b, c], [d, e, f], [0, 0, 1]], np.float64)
    across, down = np.column_stack([x, -y, one, none]), np.column_stack([y, x, none, one])
    target = np.concatenate([known[:, 0], known[:, 1]])
    a, b, c, d = np.linalg.lstsq(np.vstack([across, down]), target, rcond=None)[0]
    return np.array([[a, -b, c], [b, a, d], [0, 0, 1]], np.float64)


def _drawn(seen: Points) -> tuple[Shape, ...]:
    marks: list[Shape] = [Point(x=float(x), y=float(y)) for x, y in seen[:200]]
    (x1, y1), (x2, y2) = seen[0].tolist(), seen[-1].tolist()
    return (*marks, Line(x1=x1, y1=y1, x2=x2, y2=y2, role="guide"))
