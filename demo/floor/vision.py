"""Two videos as live inspections: bottles on a table, bolts on a conveyor."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from demo.floor.mesh import NOTE, Mesh

Part = Callable[[Mesh], Awaitable[Any]]

_HERE: Final = Path(__file__).parents[1]
_LIVE: Final = ("pending", "assigned", "processing")
_LOOK_S: Final = 20.0
# Two a second is what a person can follow, and leaves the machine to its users.
_FRAMES_A_SECOND: Final = 2
_STREAMS: Final = {
    "bottle_presence.json": "bottle-detection.mp4",
    "bolt_sorting.json": "bolt-multi-size-detection.gif",
}


async def run(mesh: Mesh) -> None:
    """Keep both streams alive."""
    while True:
        alive = {one["name"] for one in await _own(mesh) if one["status"] in _LIVE}
        for pipeline, video in _STREAMS.items():
            body = json.loads((_HERE / "pipelines" / pipeline).read_text())
            if body["name"] not in alive:
                await _begin(mesh, body, _HERE / "videos" / video)
        await asyncio.sleep(_LOOK_S)


async def clean(mesh: Mesh) -> int:
    """Cancel and remove the demo's inspections; how many there were."""
    removed = 0
    for one in await _own(mesh):
        if one["status"] in _LIVE:
            await mesh.http.post(f"/api/v1/inspections/{one['id']}/cancel/")
        async with asyncio.timeout(30):
            while not await mesh.delete(f"/api/v1/inspections/{one['id']}/"):
                await asyncio.sleep(0.5)
        removed += 1
    return removed


async def _own(mesh: Mesh) -> list[Any]:
    found = await mesh.pages("/api/v1/inspections/")
    return [one for one in found if one["description"] == NOTE]


async def _begin(mesh: Mesh, body: dict[str, Any], video: Path) -> None:
    files = {"file": (video.name, video.read_bytes())}
    uploaded = await mesh.http.post("/api/v1/images/", files=files)
    uploaded.raise_for_status()
    for tool in body["pipeline_config"]["tools"]:
        if tool["name"] == "image_source":
            tool["parameters"] = {
                "source_type": "video",
                "image_id": uploaded.json()["image_id"],
                "loop": True,
                "max_fps": _FRAMES_A_SECOND,
            }
    await mesh.post("/api/v1/inspections/", body | {"description": NOTE, "priority": 8})
