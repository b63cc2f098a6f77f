"""A vision node as a process of its own, as the runner starts it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.callers import calling
from tests.patience import PATIENCE_S
from tests.vision_node.mesh_stub import MACHINE_KEY, Mesh, assignment, free_port


class NodeProcess:
    """Starts, stops and kills one node; its data folder and its name outlive the process."""

    def __init__(self, mesh: Mesh, folder: Path, **settings: str) -> None:
        self.mesh = mesh
        self.port = free_port()
        self.folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "GEMBA_GATEWAY_URL": mesh.url,
            "GEMBA_VISION_NODE_PORT": str(self.port),
            "GEMBA_MACHINE_KEY": MACHINE_KEY,
            "GEMBA_MACHINE_NAME": "MV-Test",
            "GEMBA_DATA_DIR": str(folder),
            "GEMBA_HEARTBEAT_INTERVAL_S": "0.2",
            "GEMBA_MAX_CONCURRENT_INSPECTIONS": "2",
            **settings,
        }
        self._process: asyncio.subprocess.Process | None = None
        headers = {"Authorization": f"Bearer {mesh.token()}"}
        self.http = calling(f"http://127.0.0.1:{self.port}", headers=headers)

    async def start(self) -> None:
        """Run until the first heartbeat."""
        heard = len(self.mesh.heartbeats)
        with (self.folder / "node.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "vision_node", env=self._environment, stderr=log
            )
        await self.mesh.until(lambda: len(self.mesh.heartbeats) > heard)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    await self.http.get("/healthz")
                    return
                except httpx.ConnectError:
                    await asyncio.sleep(0.02)

    async def wait(self) -> int:
        """Wait for the end; says the exit code."""
        assert self._process is not None
        async with asyncio.timeout(PATIENCE_S):
            return await self._process.wait()

    async def end(self, how: signal.Signals) -> int:
        """Send a signal and wait for the end; says the exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(how)
        async with asyncio.timeout(PATIENCE_S):
            return await self._process.wait()

    async def push(self, inspection_id: str, config: dict[str, Any], **lease: Any) -> int:
        """Push an assignment as the orchestrator does; says the status."""
        body = assignment(inspection_id, config, **lease)
        return (await self.http.post("/internal/inspections", json=body)).status_code

    def log(self) -> str:
        return (self.folder / "node.log").read_text()


@asynccontextmanager
async def node_process(mesh: Mesh, folder: Path, **settings: str) -> AsyncIterator[NodeProcess]:
    node = NodeProcess(mesh, folder, **settings)
    try:
        await node.start()
        yield node
    finally:
        mesh.images_open.set()
        await node.end(signal.SIGKILL)
        await node.http.aclose()
