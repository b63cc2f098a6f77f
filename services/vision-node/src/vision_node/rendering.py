"""Draws an overlay's vectors on the picture, legible whatever its size, and encodes it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vision_node.imaging import Image, Pixels, as_pixels, bgr_pixels
from vision_node.overlay import XY, Box, Circle, Label, Line, Overlay, Point, Polygon, Shape

BGR = tuple[int, int, int]

SHORT_SIDE = 480  # smaller pictures are enlarged, so that text can be read
LONG_SIDE = 1920  # larger ones are reduced: vectors tell the rest
_SHIFT = 4  # OpenCV draws in 1/16 of a pixel
_DARK: BGR = (20, 20, 20)
_ROLES: dict[str, BGR] = {"pass": (90, 200, 60), "fail": (50, 50, 230), "guide": (200, 200, 200)}
# Colours that stay apart for colour-blind eyes (Okabe and Ito, 2008), one a tool.
_PALETTE: tuple[BGR, ...] = (
    (66, 228, 240),
    (233, 180, 86),
    (115, 158, 0),
    (0, 159, 230),
    (167, 121, 204),
    (0, 94, 213),
)


def render(image: Image, overlay: Overlay) -> Pixels:
    """Any image → `(H', W', 3)` uint8 BGR with the shapes on it, resized to be legible."""
    scale = _scale(image.width, image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas = as_pixels(cv2.resize(bgr_pixels(image), size, interpolation=method))
    tools = sorted({shape.tool or "" for shape in overlay.shapes})
    pen = _Pen(canvas, scale, thickness=max(1, round(min(size) / 320)))
    # An overlay begins with the last tools' shapes: their lines come on top, and their text first.
    for shape in reversed(overlay.shapes):
        pen.draw(shape, _color(shape, tools))
    # Text comes after the lines, so that none crosses it; of two labels that would cover each
    # other only the first is written.
    for shape in overlay.shapes:
        pen.write(shape, _color(shape, tools))
    return canvas


def encode(pixels: Pixels, form: Literal["jpeg", "png"] = "jpeg", *, quality: int = 85) -> bytes:
    """`(H, W, 3)` BGR → the bytes of a JPEG or PNG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if form == "jpeg" else []
    is_encoded, data = cv2.imencode(".jpg" if form == "jpeg" else ".png", pixels, options)
    if not is_encoded:
        raise ValueError(f"no {form} could be made of {pixels.shape}")
    return data.tobytes()


def _scale(width: int, height: int) -> float:
    enlarged = max(1.0, SHORT_SIDE / min(width, height))
    return min(enlarged, LONG_SIDE / max(width, height))


def _color(shape: Shape, tools: Sequence[str]) -> BGR:
    return _ROLES.get(shape.role) or _PALETTE[tools.index(shape.tool or "") % len(_PALETTE)]


@dataclass(frozen=True, slots=True)
class _Pen:
    """Draws each line twice, dark and wide beneath: it shows on any ground."""

    canvas: Pixels
    scale: float
    thickness: int
    written: list[tuple[int, int, int, int]] = field(default_factory=list)

    def draw(self, shape: Shape, color: BGR) -> None:
        for ink, width in ((_DARK, self.thickness * 3), (color, self.thickness)):
            match shape:
                case Polygon():
                    self._lines(shape.points, shape.closed, ink=ink, width=width)
                case Box():
                    self._lines(_corners(shape), True, ink=ink, width=width)
                case Line():
                    ends = ((shape.x1, shape.y1), (shape.x2, shape.y2))
                    self._lines(ends, False, ink=ink, width=width)
                case Circle():
                    self._circle(shape, ink, width)
                case Point():
                    self._cross(shape, ink, width)
                case Label():
                    pass

    def write(self, shape: Shape, color: BGR) -> None:
        text = shape.text if isinstance(shape, Label) else shape.label
        if not text:
            return
        # The Hershey fonts that OpenCV ships know ASCII only; the vectors keep the true text.
        shown = text.encode("ascii", "replace").decode()
        size = max(0.4, self.thickness * 0.42)
        (width, height), below = cv2.getTextSize(
            shown, cv2.FONT_HERSHEY_SIMPLEX, size, self.thickness
        )
        margin = 2 * self.thickness
        x, y = self._pixel(_anchor(shape))
        left = int(np.clip(x, 0, max(0, self.canvas.shape[1] - width - 2 * margin)))
        top = y if isinstance(shape, Label) else y - height - below - 2 * margin
        top = int(np.clip(top, 0, max(0, self.canvas.shape[0] - height - below - 2 * margin)))
        corner = (left + width + 2 * margin, top + height + below + 2 * margin)
        if any(_overlap((left, top, *corner), other) for other in self.written):
            return
        self.written.append((left, top, *corner))
        cv2.rectangle(self.canvas, (left, top), corner, _DARK, cv2.FILLED)
        cv2.putText(
            self.canvas,
            shown,
            (left + margin, top + margin + height),
            cv2.FONT_HERSHEY_SIMPLEX,
            size,
            color,
            self.thickness,
            cv2.LINE_AA,
        )

    def _pixel(self, place: XY) -> tuple[int, int]:
        x, y = ((value + 0.5) * self.scale - 0.5 for value in place)
        return _clip(x), _clip(y)

    def _fixed(self, places: Sequence[XY]) -> NDArray[np.int32]:
        """Pixel centres of the picture → the canvas, in 1/16 pixels as OpenCV wants them."""
        scaled = (np.asarray(places, np.float64).reshape(-1, 2) + 0.5) * self.scale - 0.5
        return np.asarray(np.clip(np.rint(scaled * 2**_SHIFT), -(2**19), 2**19), np.int32)

    def _lines(self, places: Sequence[XY], closed: bool, *, ink: BGR, width: int) -> None:
        if places:
            cv2.polylines(
                self.canvas, [self._fixed(places)], closed, ink, width, cv2.LINE_AA, _SHIFT
            )

    def _circle(self, circle: Circle, ink: BGR, width: int) -> None:
        x, y = self._fixed([(circle.cx, circle.cy)])[0]
        radius = min(round(max(circle.radius, 0) * self.scale * 2**_SHIFT), 2**18)
        cv2.circle(self.canvas, (int(x), int(y)), radius, ink, width, cv2.LINE_AA, _SHIFT)

    def _cross(self, point: Point, ink: BGR, width: int) -> None:
        arm = 4 * self.thickness / self.scale
        self._lines(
            ((point.x - arm, point.y), (point.x + arm, point.y)), False, ink=ink, width=width
        )
        self._lines(
            ((point.x, point.y - arm), (point.x, point.y + arm)), False, ink=ink, width=width
        )


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    """True when two boxes (left, top, right, bottom) share a pixel."""
    is_beside = one[2] <= other[0] or other[2] <= one[0]
    is_above = one[3] <= other[1] or other[3] <= one[1]
    return not (is_beside or is_above)


def _clip(value: float) -> int:
    return round(min(max(value, -32000), 32000))


def _corners(box: Box) -> tuple[XY, ...]:
    right, bottom = box.x + box.width - 1, box.y + box.height - 1
    return ((box.x, box.y), (right, box.y), (right, bottom), (box.x, bottom))


def _anchor(shape: Shape) -> XY:
    """Where a shape's text hangs: its top left."""
    match shape:
        case Polygon():
            return min((place[0] for place in shape.points), default=0.0), min(
                (place[1] for place in shape.points), default=0.0
            )
        case Circle():
            return shape.cx - shape.radius, shape.cy - shape.radius
        case Line():
            return min(shape.x1, shape.x2), min(shape.y1, shape.y2)
        case Box() | Point() | Label():
            return shape.x, shape.y
