"""Objects in a picture by an ONNX model: input, tiles, the outputs of SSD and YOLO, and NMS."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision_node.detections import Detection
from vision_node.imaging import Image, Pixels, as_pixels, bgr_pixels
from vision_node.inference.manifest import Manifest, ModelError, ModelInput
from vision_node.inference.sessions import Model

Floats = NDArray[np.float32]
_PADDING = 114  # the grey that YOLO was trained with
_MAX_CANDIDATES = 3000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What counts as found."""

    min_confidence: float = 0.5
    overlap: float = 0.45
    labels: Collection[str] = ()
    max_count: int = 100


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a picture is cut to see what is small: tiles a side, and how much they overlap."""

    across: int = 1
    down: int = 1
    overlap: float = 0.2


@dataclass(frozen=True, slots=True)
class _Fit:
    """From the model's input back to the picture: scale each way, then offset."""

    across: float
    down: float
    left: float
    top: float


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """`(N, 4)` boxes x1, y1, x2, y2 in pixels, `(N,)` scores from 0 to 1, `(N,)` classes."""

    boxes: Floats
    scores: Floats
    classes: NDArray[np.int64]


def detect(model: Model, image: Image, *, wanted: Wanted, tiling: Tiling) -> list[Detection]:
    """Any image → the objects in it, the most certain first; raises ModelError."""
    pixels = bgr_pixels(image)
    parts = list(_tiles(pixels, tiling))
    step = model.manifest.max_batch
    found = [
        one
        for begin in range(0, len(parts), step)
        for one in _found(model, parts[begin : begin + step], wanted)
    ]
    joined = Candidates(
        np.concatenate([one.boxes for one in found]),
        np.concatenate([one.scores for one in found]),
        np.concatenate([one.classes for one in found]),
    )
    return _distinct(joined, model.manifest, wanted)


def _tiles(pixels: Pixels, tiling: Tiling) -> Iterator[tuple[Pixels, int, int]]:
    """The whole picture, then overlapping parts of it, each with its place."""
    yield pixels, 0, 0
    if tiling.across * tiling.down <= 1:
        return
    height, width = pixels.shape[:2]
    for top, bottom in _spans(height, tiling.down, tiling.overlap):
        for left, right in _spans(width, tiling.across, tiling.overlap):
            yield pixels[top:bottom, left:right], left, top


def _spans(length: int, count: int, overlap: float) -> list[tuple[int, int]]:
    size = length / (count - (count - 1) * overlap)
    step = size * (1 - overlap)
    return [(round(k * step), min(length, round(k * step + size))) for k in range(count)]


def _found(
    model: Model, parts: Sequence[tuple[Pixels, int, int]], wanted: Wanted
) -> Iterator[Candidates]:
    """What one run of the model sees in each part, in pixels of the whole picture."""
    inputs = [model_input(pixels, model.manifest.input) for pixels, _, _ in parts]
    batch = inputs[0][0] if len(inputs) == 1 else np.concatenate([one for one, _ in inputs])
    outputs = model.run(batch)
    for index, ((_, fit), (_, left, top)) in enumerate(zip(inputs, parts, strict=True)):
        own = outputs if len(parts) == 1 else {k: v[index : index + 1] for k, v in outputs.items()}
        boxes, scores, classes = read_outputs(own, model.manifest)
        keep = np.flatnonzero(scores >= wanted.min_confidence)
        if len(keep) > _MAX_CANDIDATES:
            keep = keep[np.argsort(-scores[keep])[:_MAX_CANDIDATES]]
        placed = boxes[keep] * np.array([fit.across, fit.down] * 2, np.float32)
        placed += np.array([fit.left + left, fit.top + top] * 2, np.float32)
        yield Candidates(placed, scores[keep], classes[keep])


def model_input(pixels: Pixels, shape: ModelInput) -> tuple[np.ndarray, _Fit]:
    """`(H, W, 3)` uint8 BGR → the batch of one that the model takes, and the way back."""
    height, width = pixels.shape[:2]
    if shape.fit == "stretch":
        across, down, size = shape.width / width, shape.height / height, (shape.width, shape.height)
        left, top = 0, 0
    else:
        across = down = min(shape.width / width, shape.height / height)
        size = (max(1, round(width * across)), max(1, round(height * down)))
        left, top = (shape.width - size[0]) // 2, (shape.height - size[1]) // 2
    seen = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
    if size != (shape.width, shape.height):
        canvas = np.full((shape.height, shape.width, 3), _PADDING, np.uint8)
        canvas[top : top + size[1], left : left + size[0]] = seen
        seen = canvas
    if shape.channels == "rgb":
        seen = cv2.cvtColor(seen, cv2.COLOR_BGR2RGB)
    batch: np.ndarray = as_pixels(seen)[None]
    if shape.dtype == "float32":
        batch = (batch.astype(np.float32) - np.array(shape.mean, np.float32)) * np.float32(
            shape.scale
        )
    if shape.layout == "nchw":
        batch = batch.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(batch), _Fit(1 / across, 1 / down, -left / across, -top / down)


def read_outputs(
    outputs: dict[str, np.ndarray], manifest: Manifest
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Boxes `(N, 4)` x1, y1, x2, y2 in pixels of the input, scores, classes; raises ModelError."""
    try:
        if manifest.output == "ssd":
            return _ssd(outputs, manifest.input)
        table = np.asarray(next(iter(outputs.values())), np.float32)
        table = table.reshape(table.shape[-2:])
        if manifest.output == "yolo_end2end":
            return table[:, :4], table[:, 4], table[:, 5].astype(np.int64)
        if manifest.output == "yolov8":
            table = table.T
            return _centred(table[:, :4], table[:, 4:])
        return _centred(table[:, :4], table[:, 4:5] * table[:, 5:])
    except (ValueError, IndexError, StopIteration, KeyError) as error:
        message = f"the outputs of {manifest.name!r} are not of the kind {manifest.output!r}"
        raise ModelError(message) from error


def _centred(boxes: Floats, scores: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Centre and size → corners; the best class of each."""
    half = boxes[:, 2:] / 2
    corners = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
    best = scores.argmax(axis=1)
    return corners, scores[np.arange(len(scores)), best], best.astype(np.int64)


def _ssd(
    outputs: dict[str, np.ndarray], shape: ModelInput
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    boxes, scores, classes = (_named(outputs, part) for part in ("boxes", "scores", "classes"))
    corners = boxes[:, [1, 0, 3, 2]] * np.array([shape.width, shape.height] * 2, np.float32)
    return corners, scores, np.rint(classes).astype(np.int64)


def _named(outputs: dict[str, np.ndarray], part: str) -> Floats:
    """The output of the first picture whose name holds a word; raises KeyError."""
    found = [value for name, value in outputs.items() if part in name]
    if not found:
        raise KeyError(part)
    return np.asarray(found[0][0], np.float32)


def _distinct(found: Candidates, manifest: Manifest, wanted: Wanted) -> list[Detection]:
    """Of boxes of one class that overlap too much, the most certain."""
    sizes = found.boxes[:, 2:] - found.boxes[:, :2]
    upright = np.concatenate([found.boxes[:, :2], sizes], axis=1)
    if not len(upright):
        return []
    kept: Sequence[int] = [
        int(index)
        for index in cv2.dnn.NMSBoxesBatched(
            upright.astype(float).tolist(),
            found.scores.astype(float).tolist(),
            found.classes.astype(int).tolist(),
            wanted.min_confidence,
            wanted.overlap,
        )
    ]
    made = []
    for index in sorted(kept, key=lambda place: -found.scores[place]):
        x1, y1, x2, y2 = (float(value) for value in found.boxes[index])
        score, label = float(found.scores[index]), manifest.label(int(found.classes[index]))
        made.append(Detection(x1, y1, x2, y2, min(1.0, score), label))
    return [one for one in made if not wanted.labels or one.label in wanted.labels][
        : wanted.max_count
    ]
