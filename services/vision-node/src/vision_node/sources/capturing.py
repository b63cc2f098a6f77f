"""Moving pictures: videos, network cameras, local cameras, as frames one after the other.

OpenCV's FFmpeg reads them. A container that may lead elsewhere (a playlist) is not opened.
"""

import itertools
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

import cv2

from vision_node.imaging import Frame, Image, as_pixels
from vision_node.sources.decoding import MAX_PIXELS
from vision_node.sources.errors import SourceError

_TIMEOUT_MS: Final = 5000
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 15.0
_FALLBACK_FPS: Final = 25.0
_CONTAINERS: Final = re.compile(
    rb"....ftyp|....moov|....mdat|RIFF....AVI |\x1a\x45\xdf\xa3|GIF8[79]a", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast frames may come; None is as fast as they can."""

    max_fps: float | None = None
    as_recorded: bool = False

    def period_s(self, recorded_fps: float) -> float:
        """Time from one frame to the next."""
        rates = [self.max_fps] if self.max_fps else []
        if self.as_recorded:
            rates.append(recorded_fps if 1 <= recorded_fps <= 240 else _FALLBACK_FPS)
        return 1 / min(rates) if rates else 0.0


def is_video(data: bytes) -> bool:
    """Say whether a file begins like a video container that leads nowhere else."""
    return _CONTAINERS.match(data) is not None


def read_video(
    path: Path,
    *,
    parameter: str,
    loop: bool,
    pace: Pace,
    stop: threading.Event,
    max_pixels: int = MAX_PIXELS,
) -> Iterator[Frame]:
    """Every frame of a video, again from its beginning where it loops; raises SourceError."""
    with path.open("rb") as file:
        if not is_video(file.read(16)):
            raise SourceError("this is no video: none of MP4, AVI, MKV, GIF", parameter=parameter)
    numbers = itertools.count()
    while not stop.is_set():
        capture = _opened(str(path))
        if capture is None:
            raise SourceError("the video cannot be opened", parameter=parameter)
        if _pixels(capture) > max_pixels:
            capture.release()
            message = f"the video's pictures have more than {max_pixels / 1e6:g} million pixels"
            raise SourceError(message, parameter=parameter)
        count = 0
        for frame in _paced(_frames(capture, numbers), capture, pace=pace, stop=stop):
            count += 1
            yield frame
        if not count and not stop.is_set():
            raise SourceError("the video has no picture that can be read", parameter=parameter)
        if not loop:
            return


def read_camera(
    target: str | int, *, pace: Pace, stop: threading.Event, lost: Callable[[str], None]
) -> Iterator[Frame]:
    """Frames of a camera until `stop`; connects again, with longer and longer pauses."""
    numbers, random, pause_s = itertools.count(), Random(), _FIRST_PAUSE_S
    while not stop.is_set():
        capture = _opened(target)
        if capture is not None:
            for frame in _paced(_frames(capture, numbers), capture, pace=pace, stop=stop):
                pause_s = _FIRST_PAUSE_S
                yield frame
        if not stop.is_set():
            lost("the camera does not answer" if capture is None else "the camera went away")
        stop.wait(pause_s * random.uniform(0.5, 1.0))
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _opened(target: str | int) -> cv2.VideoCapture | None:
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        _TIMEOUT_MS,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        _TIMEOUT_MS,
    ]
    try:
        if isinstance(target, int):
            capture = cv2.VideoCapture(target)
        else:
            capture = cv2.VideoCapture(target, cv2.CAP_FFMPEG, limits)
    except cv2.error:
        return None
    if capture.isOpened():
        return capture
    capture.release()
    return None


def _pixels(capture: cv2.VideoCapture) -> float:
    return capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT)


def _frames(capture: cv2.VideoCapture, numbers: Iterator[int]) -> Iterator[Frame]:
    try:
        while True:
            began = time.perf_counter()
            is_read, pixels = capture.read()
            if not is_read:
                return
            decode_ms = (time.perf_counter() - began) * 1000
            yield Frame(Image(as_pixels(pixels)), decode_ms=decode_ms, index=next(numbers))
    finally:
        capture.release()


def _paced(
    frames: Iterator[Frame], capture: cv2.VideoCapture, *, pace: Pace, stop: threading.Event
) -> Iterator[Frame]:
    period_s = pace.period_s(capture.get(cv2.CAP_PROP_FPS))
    due = time.monotonic()
    for frame in frames:
        if period_s:
            stop.wait(max(0.0, due - time.monotonic()))
            due = max(due + period_s, time.monotonic() - period_s)
        if stop.is_set():
            return
        yield frame


class Newest:
    """Reads in a thread of its own and keeps the newest frame: who is slow loses old ones."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self._changed = threading.Condition()
        self._waiting: Frame | None = None
        self._dropped = 0
        self._is_over = False
        self._error: Exception | None = None
        threading.Thread(target=self._read, name="vision-source", daemon=True).start()

    def __iter__(self) -> "Newest":
        return self

    def __next__(self) -> Frame:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self._is_over)
            frame, dropped = self._waiting, self._dropped
            self._waiting, self._dropped = None, 0
        if frame is not None:
            return replace(frame, dropped=dropped)
        if self._error is not None:
            raise self._error
        raise StopIteration

    def _read(self) -> None:
        try:
            for frame in self._frames:
                with self._changed:
                    self._dropped += self._waiting is not None
                    self._waiting = frame
                    self._changed.notify()
        except Exception as error:
            # Carried over to the thread that waits, whatever it is.
            self._error = error
        with self._changed:
            self._is_over = True
            self._changed.notify()
