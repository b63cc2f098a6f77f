import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_node.imaging import Image
from vision_node.overlay import (
    MAX_SHAPES,
    Box,
    Circle,
    Label,
    Line,
    Overlay,
    Point,
    Polygon,
    Shape,
    gather,
)
from vision_node.rendering import encode, render
from vision_node.sources.decoding import decode

SHAPES: tuple[Shape, ...] = (
    Polygon(points=((10, 10), (60, 12), (40, 50)), label="part 1", tool="a"),
    Box(x=5, y=5, width=80, height=50, role="pass", label="OK", tool="b"),
    Circle(cx=50, cy=30, radius=20, role="fail", label="too large", tool="b"),
    Line(x1=0, y1=59, x2=89, y2=0, role="guide", tool="c"),
    Point(x=50, y=30, tool="c"),
    Label(x=2, y=50, text="3.20 mm", tool="d"),
)


@pytest.mark.parametrize(
    ("size", "rendered"),
    [((60, 90), (480, 720)), ((1080, 1920), (1080, 1920)), ((3000, 4000), (1440, 1920))],
)
def test_a_picture_is_shown_at_a_size_at_which_text_can_be_read(
    size: tuple[int, int], rendered: tuple[int, int]
) -> None:
    image = Image(np.full((*size, 3), 128, np.uint8))
    canvas = render(image, Overlay(width=size[1], height=size[0], shapes=SHAPES))
    assert canvas.shape == (*rendered, 3)
    assert (image.pixels == 128).all()


def test_a_box_is_drawn_where_it_is() -> None:
    image = Image(np.full((600, 800), 128, np.uint8))
    box = Box(x=200, y=150, width=401, height=301, role="pass")
    canvas = render(image, Overlay(width=800, height=600, shapes=(box,)))
    assert canvas[300, 200].tolist() == [90, 200, 60]
    assert canvas[300, 600].tolist() == [90, 200, 60]
    assert canvas[150, 400].tolist() == [90, 200, 60]
    assert canvas[450, 400].tolist() == [90, 200, 60]
    assert canvas[300, 400].tolist() == [128, 128, 128]


def test_rendered_pictures_are_encoded_as_jpeg_and_png() -> None:
    canvas = render(Image(np.zeros((60, 90), np.uint8)), Overlay(width=90, height=60))
    assert encode(canvas)[:3] == b"\xff\xd8\xff"
    assert np.array_equal(decode(encode(canvas, "png")), canvas)


def test_too_many_shapes_are_left_out_and_counted() -> None:
    overlay = gather(9, 9, shapes=[Point(x=1, y=1)] * (MAX_SHAPES + 7))
    assert (len(overlay.shapes), overlay.omitted) == (MAX_SHAPES, 7)


far = st.floats(-1e9, 1e9)


@given(far, far, far, st.text(max_size=20))
def test_shapes_far_outside_of_the_picture_break_nothing(
    x: float, y: float, size: float, text: str
) -> None:
    shapes: tuple[Shape, ...] = (
        Box(x=x, y=y, width=abs(size), height=abs(size), label=text),
        Circle(cx=x, cy=y, radius=size, label=text),
        Line(x1=x, y1=y, x2=size, y2=x, label=text),
        Polygon(points=((x, y), (y, size)), label=text),
        Polygon(points=()),
        Label(x=x, y=y, text=text),
    )
    image = Image(np.zeros((20, 30), np.uint8))
    render(image, Overlay(width=30, height=20, shapes=shapes))
