"""Draws the sample pictures, so that what they show is known exactly.

`python -m vision_node.sources.drawing` writes them into the package.
Coordinates are pixel centres. Shapes are filled without smoothing, so that
areas can be counted; brackets and board are drawn fine and averaged down, to be measured.
"""

from pathlib import Path

import cv2
import numpy as np
import zxingcpp

from vision_node.imaging import Pixels, as_pixels

# Centre x, y, radius: five bright blobs of different size on a dark ground.
BLOBS = ((60, 60, 20), (160, 50, 30), (250, 70, 15), (90, 170, 40), (220, 170, 25))
SPECKS = ((20, 220), (300, 20), (160, 120))  # 2 × 2 pixels: dust, below any sensible area
# x, y, width, height of the bright plate of `shapes`, its hole (centre x, y, radius) and slot.
PLATE = (50, 40, 220, 160)
HOLE = (120, 120, 30)
SLOT = (180, 90, 50, 60)
# Centre x, y, radius and BGR of the caps of `colors`.
CAPS = (
    (70, 70, 32, (40, 40, 210)),
    (160, 70, 32, (50, 170, 50)),
    (250, 70, 32, (200, 80, 30)),
    (110, 170, 32, (40, 210, 230)),
    (210, 170, 32, (200, 80, 30)),
)

# The bracket of `part`, `parts` and `scratched` about its own centre, and its hole.
BRACKET = ((-40, -28), (40, -28), (40, -4), (-12, -4), (-12, 28), (-40, 28))
BRACKET_HOLE = (-26, -14, 7)
# Centre x, y, angle in degrees (clockwise as seen) of the brackets of `parts`.
PARTS = ((95.0, 80.0, 25.0), (225.0, 160.0, -70.0))
SCRATCH = (95, 43, 12, 5)  # x, y, width, height on the bracket of `scratched`
# The board of `checkerboard`: squares across and down, their side in mm, and where the four
# outer corners of the board lie in the picture.
BOARD_SQUARES = (8, 6)
BOARD_SQUARE_MM = 5.0
BOARD_CORNERS = ((62.0, 40.0), (262.0, 48.0), (256.0, 199.0), (66.0, 195.0))
# Text, kind, pixels a module and place of each code of `codes`; number and place of the badges.
CODES = (
    ("GEMBA-0042", "QRCode", 3, (20, 20)),
    ("LOT-26-A7", "DataMatrix", 4, (200, 30)),
    ("4006381333931", "EAN13", 2, (60, 124)),
)
BADGES = ((7, 40, 60), (23, 140, 120), (42, 230, 50))
_FINE = 8  # drawn so much larger and averaged down


def draw_blobs() -> Pixels:
    """`(240, 320, 3)` BGR: grey level 200 on 40."""
    picture = np.full((240, 320, 3), 40, np.uint8)
    for x, y, radius in BLOBS:
        cv2.circle(picture, (x, y), radius, (200, 200, 200), cv2.FILLED)
    for x, y in SPECKS:
        picture[y : y + 2, x : x + 2] = 200
    return picture


def draw_shapes() -> Pixels:
    """`(240, 320, 3)` BGR: a plate of level 220 with a round hole and a slot, on 30."""
    picture = np.full((240, 320, 3), 30, np.uint8)
    x, y, width, height = PLATE
    picture[y : y + height, x : x + width] = 220
    cv2.circle(picture, HOLE[:2], HOLE[2], (30, 30, 30), cv2.FILLED)
    x, y, width, height = SLOT
    picture[y : y + height, x : x + width] = 30
    return picture


def draw_colors() -> Pixels:
    """`(240, 320, 3)` BGR: five caps in four colours, two of them blue, on white."""
    picture = np.full((240, 320, 3), 245, np.uint8)
    for x, y, radius, color in CAPS:
        cv2.circle(picture, (x, y), radius, color, cv2.FILLED)
    return picture


def _bracket(picture: Pixels, *, centre: tuple[float, float], angle_deg: float) -> None:
    """A bracket of level 200 with its hole, on a picture `_FINE` times as large as it will be."""
    angle = np.deg2rad(angle_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def fine(places: object) -> np.ndarray:
        at = np.asarray(places, np.float64).reshape(-1, 2) @ turn.T + centre
        return np.asarray(np.rint((at + 0.5) * _FINE - 0.5), np.int32)

    cv2.fillPoly(picture, [fine(BRACKET)], (200, 200, 200))
    x, y = fine(BRACKET_HOLE[:2])[0].tolist()
    cv2.circle(picture, (x, y), BRACKET_HOLE[2] * _FINE, (40, 40, 40), cv2.FILLED)


def _fine_ground(width: int, height: int) -> Pixels:
    return np.full((height * _FINE, width * _FINE, 3), 40, np.uint8)


def _averaged(picture: Pixels) -> Pixels:
    height, width = picture.shape[0] // _FINE, picture.shape[1] // _FINE
    blocks = picture.reshape(height, _FINE, width, _FINE, 3).astype(np.uint32)
    return as_pixels((blocks.sum(axis=(1, 3)) + _FINE**2 // 2) // _FINE**2)


def draw_part() -> Pixels:
    """`(120, 160, 3)` BGR: one bracket in the middle, level 200 on 40."""
    picture = _fine_ground(160, 120)
    _bracket(picture, centre=(80, 60), angle_deg=0)
    return _averaged(picture)


def draw_parts() -> Pixels:
    """`(240, 320, 3)` BGR: two brackets, each turned."""
    picture = _fine_ground(320, 240)
    for x, y, angle in PARTS:
        _bracket(picture, centre=(x, y), angle_deg=angle)
    return _averaged(picture)


def draw_scratched() -> Pixels:
    """`(120, 160, 3)` BGR: the bracket of `part` with a dark scratch."""
    picture = draw_part()
    x, y, width, height = SCRATCH
    picture[y : y + height, x : x + width] = 110
    return picture


def draw_checkerboard() -> Pixels:
    """`(240, 320, 3)` BGR: a board seen a little aslant."""
    across, down = BOARD_SQUARES
    corners = np.array(BOARD_CORNERS, np.float64)
    picture = np.full((240 * _FINE, 320 * _FINE, 3), 230, np.uint8)
    board = np.array([[0, 0], [across, 0], [across, down], [0, down]], np.float32)
    onto = cv2.getPerspectiveTransform(board, ((corners + 0.5) * _FINE - 0.5).astype(np.float32))
    for row in range(down):
        for column in range(row % 2, across, 2):
            right, below = column + 1, row + 1
            square = [[column, row], [right, row], [right, below], [column, below]]
            there = cv2.perspectiveTransform(np.array([square], np.float64), onto)
            cv2.fillConvexPoly(picture, np.rint(there).astype(np.int32), (30, 30, 30))
    return _averaged(picture)


def draw_codes() -> Pixels:
    """`(240, 320, 3)` BGR: a QR code, a Data Matrix and an EAN-13 on white."""
    picture = np.full((240, 320, 3), 255, np.uint8)
    for text, form, scale, (x, y) in CODES:
        made = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, form))
        code = np.array(made.to_image(scale=scale), np.uint8)
        picture[y : y + code.shape[0], x : x + code.shape[1]] = code[:, :, None]
    return picture


def draw_badges() -> Pixels:
    """`(240, 320, 3)` BGR: three ArUco badges on grey."""
    picture = np.full((240, 320, 3), 190, np.uint8)
    family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    for number, x, y in BADGES:
        picture[y - 8 : y + 56, x - 8 : x + 56] = 255
        picture[y : y + 48, x : x + 48] = family.generateImageMarker(number, 48)[:, :, None]
    return picture


DRAWINGS = {
    "badges": draw_badges,
    "codes": draw_codes,
    "blobs": draw_blobs,
    "checkerboard": draw_checkerboard,
    "colors": draw_colors,
    "part": draw_part,
    "parts": draw_parts,
    "scratched": draw_scratched,
    "shapes": draw_shapes,
}


def main() -> None:
    """Write every sample into the package."""
    folder = Path(__file__).parent.parent / "samples"
    for name, draw in DRAWINGS.items():
        cv2.imwrite(str(folder / f"{name}.png"), draw(), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
