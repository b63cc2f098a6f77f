"""What the vision node costs over doing the same by hand: pipelines, engine, models.

`.venv/bin/python -m bench.vision` prints one table. Each pair is timed in turns, so that whatever
else the machine does meets both; a ratio is that of the medians of one run, 1.00 means no cost.
"""

import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Final, Literal

import cv2
import numpy as np

from bench.figures import Figure, report
from bench.tracking import at_ten_people
from common.schemas.vision import PortDescription
from vision_node import tools as tool_package
from vision_node.imaging import Image, as_pixels
from vision_node.inference.sessions import Models
from vision_node.inspecting import inspect_once
from vision_node.overlay import Overlay
from vision_node.pipeline.catalogue import discover
from vision_node.pipeline.compiler import compile_pipeline
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.report import Waits, assemble
from vision_node.pipeline.runner import Stop, run_graph
from vision_node.pipeline.tool import Example, Params, Result
from vision_node.rendering import encode
from vision_node.sources.opening import SourceAccess
from vision_node.tools.people_detection import PeopleDetection

ROUNDS: Final = 40
THREADS: Final = 2
_CHAIN: Final[list[tuple[str, dict[str, Any]]]] = [
    ("image_source", {"source_type": "upload", "image_id": "x"}),
    ("grey", {}),
    ("blur", {"size": 7}),
    ("threshold", {"method": "otsu"}),
    ("morphology", {"operation": "open", "size": 5}),
]


class Pass(Params):
    """A tool that does nothing, to weigh the engine by."""

    category: ClassVar[str] = "bench"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("value", PortType.NUMBER),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (gives("value", PortType.NUMBER),)
    example: ClassVar[Example] = {}
    tool: Literal["pass"] = "pass"

    def run(self, value: int) -> Result:
        """Hand it on."""
        return Result(outputs={"value": value}, measurements={"value": value})


class Begin(Params):
    """Where the values that are passed on come from."""

    category: ClassVar[str] = "bench"
    inputs: ClassVar[tuple[PortDescription, ...]] = ()
    outputs: ClassVar[tuple[PortDescription, ...]] = (gives("value", PortType.NUMBER),)
    example: ClassVar[Example] = {}
    tool: Literal["begin"] = "begin"

    def run(self, frame: int) -> Result:
        """The frame itself."""
        return Result(outputs={"value": frame})


def chain(tools: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """A pipeline of one tool after the other."""
    ids = [f"t{number}" for number in range(len(tools))]
    return {
        "tools": [
            {"name": name, "id": key, "parameters": parameters}
            for key, (name, parameters) in zip(ids, tools, strict=True)
        ],
        "connections": [
            {"from": ids[number], "to": ids[number + 1]} for number in range(len(ids) - 1)
        ],
    }


def scene() -> np.ndarray:
    """`(1080, 1920, 3)` uint8 BGR with bright discs in noise."""
    noise = np.random.default_rng(1).integers(20, 60, (1080, 1920), dtype=np.uint8)
    picture = np.dstack([noise] * 3)
    for place in range(40):
        at = (120 + place % 10 * 185, 150 + place // 10 * 260)
        cv2.circle(picture, at, 30 + place, (220, 210, 200), cv2.FILLED)
    return picture


def in_turns(ours: Callable[[], object], bare: Callable[[], object]) -> tuple[float, float]:
    """Median milliseconds of both."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS):
        pair = ((times[0], ours), (times[1], bare))
        for kept, work in pair if number % 2 else reversed(pair):
            began = time.perf_counter()
            work()
            kept.append((time.perf_counter() - began) * 1000)
    return statistics.median(times[0][4:]), statistics.median(times[1][4:])


def pipelines() -> tuple[float, float]:
    """A JPEG through five tools on two threads, and the same calls by hand."""
    data = encode(scene())
    graph = compile_pipeline(chain(_CHAIN), discover(tool_package))
    access, stop = SourceAccess(uploads={"x": data}), Stop(threading.Event())
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))

    def by_hand(_: int) -> int:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        grey = cv2.cvtColor(as_pixels(picture), cv2.COLOR_BGR2GRAY)
        calm = cv2.GaussianBlur(grey, (7, 7), 0)
        mask = cv2.threshold(calm, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]
        cv2.countNonZero(mask)
        return cv2.countNonZero(cv2.morphologyEx(mask, cv2.MORPH_OPEN, element))

    with ThreadPoolExecutor(THREADS) as pool:
        return in_turns(
            lambda: list(pool.map(lambda _: inspect_once(graph, access, stop=stop), range(4))),
            lambda: list(pool.map(by_hand, range(4))),
        )


def models() -> tuple[float, float]:
    """People detection, and the bare session with the same preparation."""
    shipped, tool, picture = Models(), PeopleDetection(), scene()
    session = shipped.get(tool.model).session

    def bare() -> object:
        small = cv2.resize(picture, (300, 300), interpolation=cv2.INTER_LINEAR)
        batch = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)[None]
        return session.run(None, {session.get_inputs()[0].name: batch})

    return in_turns(lambda: tool.run(Image(picture), shipped), bare)


def engine() -> float:
    """Milliseconds that the engine adds to five tools and their report."""
    config = chain([("begin", {}), *[("pass", {})] * 5])
    graph = compile_pipeline(config, {"begin": Begin, "pass": Pass})
    stop, times = Stop(threading.Event()), []
    for _ in range(2000):
        began = time.perf_counter()
        runs = run_graph(graph, {"t0": 1}, stop=stop)
        assemble(graph, runs, overlay=Overlay(width=1, height=1), waits=Waits())
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def main() -> None:
    """Print the table; rates, so that more is better on both sides."""
    cv2.setNumThreads(1)
    figures = [
        Figure(what, 1000 / ours, "/s", bare=1000 / bare, target=">=0.95")
        for what, (ours, bare) in (
            ("vision: 4 JPEGs 1080p, five tools, by hand", pipelines()),
            ("vision: people detection, session.run", models()),
        )
    ]
    figures.append(Figure("vision: engine, five tools", engine(), "ms", target="<=0.2"))
    figures.append(
        Figure("vision: tracker, a frame of ten people", at_ten_people(), "ms", target="<=0.3")
    )
    report(figures)


if __name__ == "__main__":
    main()
