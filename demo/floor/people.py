"""People on shifts: comes with the floor service; until it answers, there is nobody."""

import asyncio
from typing import Final

import httpx
from demo.floor.mesh import Mesh

_LOOK_S: Final = 60.0


async def run(mesh: Mesh) -> None:
    """Wait for the floor service."""
    while (await mesh.http.get("/api/v1/zones")).status_code != httpx.codes.OK:
        await asyncio.sleep(_LOOK_S)
    await asyncio.Event().wait()


async def clean(mesh: Mesh) -> int:
    """Nobody to remove yet."""
    return 0
