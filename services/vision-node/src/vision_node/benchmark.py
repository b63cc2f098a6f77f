"""A node proves what it is: a short measurement at registration, reported in `hardware_specs`."""

import time
from collections.abc import Callable

import cv2
import numpy as np

from vision_node.imaging import Image
from vision_node.inference.sessions import Models
from vision_node.rendering import encode
from vision_node.sources.decoding import decode
from vision_node.tools.blob_detection import BlobDetection
from vision_node.tools.people_detection import PeopleDetection

_REPEATS = 3


_MODEL = "person_ssdlite"


def benchmark(models: Models, clock: Callable[[], float] = time.perf_counter) -> dict[str, float]:
    """Milliseconds on one thread, the best of three, on a drawn Full HD picture."""
    picture = _scene()
    data = encode(picture)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    blobs = BlobDetection(threshold=128, min_area=100)
    people = PeopleDetection(model=_MODEL)
    works: dict[str, Callable[[], object]] = {
        "decode_jpeg_1080p_ms": lambda: decode(data),
        "gaussian_1080p_ms": lambda: cv2.GaussianBlur(grey, (5, 5), 0),
        "canny_1080p_ms": lambda: cv2.Canny(grey, 50, 150),
        "blob_detection_1080p_ms": lambda: blobs.run(Image(picture)),
        f"people_detection_1080p_{models.provider}_ms": lambda: people.run(Image(picture), models),
    }
    return {name: round(_best_ms(work, clock), 3) for name, work in works.items()}


def _scene() -> np.ndarray:
    """`(1080, 1920, 3)` uint8 BGR: a slope of grey with bright discs."""
    slope = np.linspace(20, 100, 1920, dtype=np.uint8)
    picture = np.dstack([np.tile(slope, (1080, 1))] * 3)
    for place in range(40):
        centre = (120 + place % 10 * 185, 150 + place // 10 * 260)
        cv2.circle(picture, centre, 30 + place, (220, 210, 200), cv2.FILLED)
    return picture


def _best_ms(work: Callable[[], object], clock: Callable[[], float]) -> float:
    times = []
    for _ in range(_REPEATS):
        began = clock()
        work()
        times.append((clock() - began) * 1000)
    return min(times)
