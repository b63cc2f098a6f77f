"""Draws the sample pictures, so that what they show is known exactly.

`python -m vision_node.sources.drawing` writes them into the package.
Coordinates are pixel centres. Shapes are filled without smoothing, so that areas can be counted.
"""

from pathlib import Path

import cv2
import numpy as np

from vision_node.imaging import Pixels

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


DRAWINGS = {"blobs": draw_blobs, "shapes": draw_shapes, "colors": draw_colors}


def main() -> None:
    """Write every sample into the package."""
    folder = Path(__file__).parent.parent / "samples"
    for name, draw in DRAWINGS.items():
        cv2.imwrite(str(folder / f"{name}.png"), draw(), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
