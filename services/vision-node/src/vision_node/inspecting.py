"""One whole inspection in the calling thread: compile, fetch, run, assemble. Knows no network."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from vision_node.imaging import Frame, Image
from vision_node.overlay import Overlay
from vision_node.pipeline.graph import Graph
from vision_node.pipeline.report import Waits, assemble, overlay_of
from vision_node.pipeline.runner import Memories, Stop, ToolFailed, run_graph
from vision_node.sources.errors import SourceError
from vision_node.sources.opening import SourceAccess, open_source
from vision_node.spaces import Space
from vision_node.tools.image_source import ImageSource


@dataclass(frozen=True, slots=True)
class Inspected:
    """What came of one picture: `results`, and what to draw the overlay on."""

    results: dict[str, Any]
    picture: Image
    overlay: Overlay


def inspect_once(
    graph: Graph,
    access: SourceAccess,
    *,
    stop: Stop,
    wait_ms: float = 0.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Inspected:
    """Fetch one frame of each source and run the graph on it.

    Raises ToolFailed (naming the tool, its source's errors too), RunCancelled or DeadlineExceeded.
    """
    began = clock()
    stop.check()
    frames = {step.id: _first_frame(step.id, step.tool, access) for step in graph.sources}
    return inspect_frames(graph, frames, stop=stop, wait_ms=wait_ms, began=began, clock=clock)


def inspect_stream(graph: Graph, access: SourceAccess) -> Iterator[dict[str, Frame]]:
    """One frame of each source after the other: stills stay, moving ones move on.

    Ends with the first source that runs dry. Raises ToolFailed naming the source.
    """
    sources = {step.id: step.tool for step in graph.sources}
    opened = {
        key: open_source(source, access)
        for key, source in sources.items()
        if isinstance(source, ImageSource)
    }
    moving = [key for key, source in sources.items() if getattr(source, "is_live", False)]
    stills = {key: _next(key, opened[key]) for key in opened if key not in moving}
    while True:
        frames = {key: _next(key, opened[key]) for key in moving}
        if any(frame is None for frame in frames.values()):
            return
        yield {key: frame for key, frame in {**stills, **frames}.items() if frame is not None}


def _next(key: str, frames: Iterator[Frame]) -> Frame | None:
    try:
        return next(frames, None)
    except SourceError as error:
        raise ToolFailed(key, error.message, parameter=error.parameter) from error


def inspect_frames(
    graph: Graph,
    frames: Mapping[str, Frame],
    *,
    stop: Stop,
    wait_ms: float,
    began: float,
    memories: Memories | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Inspected:
    """Run the graph on frames that are here; the overlay lies on the first source's, by id."""
    shown = min(frames)
    picture = frames[shown].image
    apart = {key: frame if key == shown else _apart(frame, key) for key, frame in frames.items()}
    runs = run_graph(graph, apart, stop=stop, memories=memories, clock=clock)
    size = (picture.width, picture.height)
    decode_ms = sum(frame.decode_ms for frame in frames.values())
    waits = Waits(decode_ms=decode_ms, wait_ms=wait_ms, total_ms=(clock() - began) * 1000)
    overlay = overlay_of(runs, size=size)
    return Inspected(assemble(graph, runs, overlay=overlay, waits=waits), picture, overlay)


def _apart(frame: Frame, source: str) -> Frame:
    """A frame of another source than the one that is shown: nothing of it is drawn."""
    return replace(frame, image=Image(frame.image.pixels, Space(picture=source)))


def _first_frame(key: str, source: object, access: SourceAccess) -> Frame:
    assert isinstance(source, ImageSource), "the only source tool there is"
    try:
        return next(open_source(source, access))
    except SourceError as error:
        raise ToolFailed(key, error.message, parameter=error.parameter) from error
