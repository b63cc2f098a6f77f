"""A vision node without vision: it speaks the real protocol on a real socket.

`python -m tests.orchestrator.node` runs one as a process that can be killed; inside a test it does
what the test tells it.
"""

import argparse
import asyncio
import random
import socket
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from common.schemas.vision import Assignment
from tests.callers import calling
from tests.patience import PATIENCE_S


def a_tool(name: str, **more: Any) -> dict[str, Any]:
    """An entry of a catalogue."""
    image = {"name": "image", "type": "image"}
    is_source = name == "image_source"
    return {
        "name": name,
        "description": f"The tool {name}.",
        "category": "source" if is_source else "measure",
        "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
        "inputs": [] if is_source else [image],
        "outputs": [image],
        "example": {},
        **more,
    }


_SOURCES = ["file", "upload", "url", "sample", "camera", "rtsp", "video"]
TOOLS = [
    a_tool(
        "image_source",
        parameters={
            "type": "object",
            "required": ["source_type"],
            "properties": {
                "source_type": {"enum": _SOURCES},
                **{n: {"type": "string"} for n in ("file_path", "image_id", "url", "name")},
                "device": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
                "loop": {"type": "boolean"},
                "max_fps": {"type": "number", "exclusiveMinimum": 0},
            },
            "additionalProperties": False,
        },
    ),
    a_tool(
        "blob_detection",
        parameters={
            "type": "object",
            "properties": {
                "min_area": {"type": "integer", "minimum": 0},
                "max_area": {"type": "integer", "minimum": 0},
                "threshold": {"type": "integer", "minimum": 0, "maximum": 255},
                "polarity": {"enum": ["bright", "dark"]},
            },
            "additionalProperties": False,
        },
        outputs=[{"name": "count", "type": "number"}],
    ),
    a_tool("edge_detection"),
    a_tool("color_filter"),
    a_tool("limit", inputs=[{"name": "value", "type": "number"}]),
]


def now() -> str:
    """The time as a node writes it."""
    return datetime.now(UTC).isoformat()


class Node:
    """One node. Pushes arrive in `arrived`; `answer` is what they are answered with."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        name: str,
        *,
        slots: int = 1,
        types: tuple[str, ...] = ("blob_detection", "edge_detection"),
        location: str = "",
        tools: list[dict[str, Any]] | None = None,
    ) -> None:
        self.client = client
        self.id = ""
        self.answer = 202
        self.arrived: asyncio.Queue[Assignment] = asyncio.Queue()
        self.recalled: asyncio.Queue[str] = asyncio.Queue()
        self.held: dict[str, Assignment] = {}
        self.identities: list[str] = []
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(128)
        self.registration: dict[str, Any] = {
            "name": name,
            "location": location,
            "ip_address": "127.0.0.1",
            "port": self._socket.getsockname()[1],
            "max_concurrent_inspections": slots,
            "supported_inspection_types": list(types),
            "hardware_specs": {"cpu": "none"},
            "tools": TOOLS if tools is None else tools,
        }
        routes = [
            Route("/internal/inspections", self._on_push, methods=["POST"]),
            Route("/internal/inspections/{id}", self._on_recall, methods=["DELETE"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), log_config=None, lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self, *, online: bool = True) -> "Node":
        """Listen, register and, unless told otherwise, send the first heartbeat."""
        self._serving = asyncio.create_task(self._server._serve(sockets=[self._socket]))
        await self.register()
        if online:
            await self.beat()
        return self

    async def stop(self) -> None:
        """Listen no longer; nobody is told, as when the power goes."""
        if self._serving is not None:
            self._server.should_exit = True
            await self._serving
            self._serving = None
        self._socket.close()

    async def register(self) -> dict[str, Any]:
        """Introduce itself."""
        response = await self.client.post("/api/v1/machines/", json=self.registration)
        assert response.status_code in (200, 201), response.text
        answer: dict[str, Any] = response.json()
        self.id = answer["id"]
        return answer

    async def beat(self, **fields: Any) -> dict[str, Any]:
        """Send a heartbeat with the leases that it holds."""
        leases = [
            {"inspection_id": one.inspection_id, "token": one.lease.token}
            for one in self.held.values()
        ]
        body = {
            "machine_id": self.id,
            "status": "online",
            "system_info": {"cpu_usage": 45.2, "memory_usage": 67.8},
            "timestamp": now(),
            "current_inspections": len(self.held),
            "leases": leases,
            **fields,
        }
        response = await self.client.post("/api/v1/webhooks/heartbeat/", json=body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def next(self, timeout_s: float = PATIENCE_S) -> Assignment:
        """The next inspection that is pushed."""
        return await asyncio.wait_for(self.arrived.get(), timeout_s)

    async def report(self, assignment: Assignment, status: str, **fields: Any) -> httpx.Response:
        """Report on an inspection under its lease."""
        body = {
            "machine_id": self.id,
            "inspection_id": assignment.inspection_id,
            "status": status,
            "timestamp": now(),
            "attempt": assignment.lease.attempt,
            "lease_token": assignment.lease.token,
            **fields,
        }
        response = await self.client.post("/api/v1/webhooks/results/", json=body)
        if status != "processing" and response.status_code == 200:
            self.held.pop(assignment.inspection_id, None)
        return response

    async def complete(self, assignment: Assignment, **results: Any) -> dict[str, Any]:
        """Report success; the receipt."""
        found = {"blob_count": 5, "processing_time": 0.01, **results}
        response = await self.report(assignment, "completed", results=found)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def _on_push(self, request: Request) -> Response:
        self.identities.append(request.headers.get("authorization", ""))
        if self.answer == 202:
            assignment = Assignment.model_validate_json(await request.body())
            self.held[assignment.inspection_id] = assignment
            self.arrived.put_nowait(assignment)
        return Response(status_code=self.answer)

    async def _on_recall(self, request: Request) -> Response:
        self.recalled.put_nowait(request.path_params["id"])
        return Response(status_code=204)


async def _live(node: Node, *, beat_s: float, work_s: float) -> None:
    """Work as a node does, until killed."""
    await node.start()

    async def beat() -> None:
        while True:
            await asyncio.sleep(beat_s)
            with suppress(httpx.HTTPError, AssertionError):
                receipt = await node.beat()
                for lost in [*receipt["lost"], *receipt["cancelled"]]:
                    node.held.pop(lost, None)

    async def work() -> None:
        while True:
            assignment = await node.arrived.get()
            await asyncio.sleep(random.uniform(0.5, 1.5) * work_s)
            while assignment.inspection_id in node.held:
                with suppress(httpx.HTTPError, AssertionError):
                    await node.complete(assignment, machine=node.id)
                    break
                await asyncio.sleep(0.2)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(beat())
        for _ in range(int(node.registration["max_concurrent_inspections"])):
            tasks.create_task(work())


def main() -> None:
    """Run one node until it is killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--beat-s", type=float, default=0.3)
    parser.add_argument("--work-s", type=float, default=0.05)
    options = parser.parse_args()

    async def run() -> None:
        headers = {"Authorization": f"Bearer {options.token}"}
        async with calling(options.url, headers=headers, timeout=5) as client:
            node = Node(client, options.name, slots=options.slots)
            await _live(node, beat_s=options.beat_s, work_s=options.work_s)

    asyncio.run(run())


if __name__ == "__main__":
    main()
