"""Gateway and orchestrator as a node sees them: a real server that speaks the real protocol.

The real ones are in the system tests; here the answers are ours to choose, and to withhold.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from jose import jwk, jwt

from common.auth import ALGORITHM, ISSUER, machine_audience
from common.schemas.vision import (
    Heartbeat,
    HeartbeatReceipt,
    MachineRegistration,
    NodeEvent,
    NodeLogs,
    ResultReceipt,
    ResultReport,
    StatusUpdate,
)
from tests.patience import PATIENCE_S

MACHINE_KEY = "sk_live_" + "k" * 43


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mesh:
    """What was received, and what shall be answered."""

    def __init__(self) -> None:
        self.port = free_port()
        self.machine_id = "mv_000000000001"
        self.images_open = asyncio.Event()
        self.forget()
        self.machines: list[MachineRegistration] = []
        self.heartbeats: list[Heartbeat] = []
        self.beats_under_way = 0
        self._moved = asyncio.Condition()
        key = ec.generate_private_key(ec.SECP256R1())
        self._pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        public = jwk.construct(self._pem, ALGORITHM).public_key().to_dict()
        self.jwks = {"keys": [{**public, "kid": "test", "alg": ALGORITHM}]}
        self.app = build(self)

    def forget(self) -> None:
        """Begin anew with what was received and what shall be answered."""
        self.statuses: list[StatusUpdate] = []
        self.reports: list[ResultReport] = []
        self.events: list[NodeEvent] = []
        self.artifacts: dict[tuple[str, str], bytes] = {}
        self.frames: dict[tuple[str, str], bytes] = {}
        self.watched: list[str] = []
        self.images: dict[str, bytes] = {}
        self.image_requests: list[str] = []
        self.next_receipts: list[HeartbeatReceipt] = []
        self.logs: list[NodeLogs] = []
        self.is_away = False
        self.is_slow_with_the_living = False
        self.refuses_results: int | None = None
        self.images_open.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def results(self) -> list[ResultReport]:
        """The reports that end an inspection."""
        return [report for report in self.reports if report.status != "processing"]

    def token(self, role: str = "service") -> str:
        now = time.time()
        claims = {
            "iss": ISSUER,
            "aud": machine_audience(self.machine_id),
            "sub": "orchestrator",
            "kind": "service" if role == "service" else "user",
            "role": role,
            "perms": ["*"],
            "exp": now + 300,
        }
        return jwt.encode(claims, self._pem, algorithm=ALGORITHM, headers={"kid": "test"})

    async def note(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    async def until(self, claim: Callable[[], Any]) -> None:
        """Wait until something received makes the claim true."""
        async with asyncio.timeout(PATIENCE_S), self._moved:
            await self._moved.wait_for(lambda: bool(claim()))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Mesh"]:
        config = uvicorn.Config(
            self.app, host="127.0.0.1", port=self.port, log_config=None, lifespan="off"
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not server.started:  # uvicorn has no event for it
                    await asyncio.sleep(0.01)
            yield self
        finally:
            self.images_open.set()
            server.should_exit = True
            await task


def build(mesh: Mesh) -> FastAPI:
    app = FastAPI(redirect_slashes=False)

    @app.get("/.well-known/jwks.json")
    async def keys() -> dict[str, Any]:
        return mesh.jwks

    @app.middleware("http")
    async def guard(request: Request, call_next: Any) -> Any:
        if request.url.path.startswith("/api/"):
            if mesh.is_away:
                await mesh.note()
                return Response(status_code=503)
            if request.headers.get("authorization") != f"Bearer {MACHINE_KEY}":
                return Response(status_code=401)
        response = await call_next(request)
        await mesh.note()
        return response

    app.include_router(machine_paths(mesh), prefix="/api/v1")
    app.include_router(result_paths(mesh), prefix="/api/v1/webhooks")
    return app


def machine_paths(mesh: Mesh) -> APIRouter:
    router = APIRouter()

    @router.post("/machines/", status_code=201)
    async def register(machine: MachineRegistration) -> dict[str, str]:
        mesh.machines.append(machine)
        return {"id": mesh.machine_id}

    @router.post("/webhooks/logs/")
    async def logs(sent: NodeLogs) -> dict[str, Any]:
        mesh.logs.append(sent)
        await mesh.note()
        return {"status": "ok"}

    @router.post("/webhooks/heartbeat/")
    async def beat(heartbeat: Heartbeat) -> HeartbeatReceipt:
        if heartbeat.machine_id != mesh.machine_id:
            raise HTTPException(404)
        if mesh.is_slow_with_the_living and heartbeat.status != "offline":
            mesh.beats_under_way += 1
            await mesh.note()
            await asyncio.sleep(0.5)
            mesh.beats_under_way -= 1
        mesh.heartbeats.append(heartbeat)
        await mesh.note()
        return mesh.next_receipts.pop(0) if mesh.next_receipts else HeartbeatReceipt()

    @router.post("/webhooks/status/")
    async def update(status: StatusUpdate) -> dict[str, str]:
        mesh.statuses.append(status)
        return {}

    return router


def result_paths(mesh: Mesh) -> APIRouter:
    router = APIRouter()

    @router.post("/results/")
    async def result(report: ResultReport) -> ResultReceipt:
        if mesh.refuses_results is not None:
            raise HTTPException(mesh.refuses_results)
        mesh.reports.append(report)
        status = "processing" if report.status == "processing" else "completed"
        return ResultReceipt.model_validate({"accepted": True, "status": status})

    @router.post("/events/", status_code=202)
    async def events(sent: list[NodeEvent]) -> dict[str, Any]:
        mesh.events.extend(sent)
        return {"accepted": len(sent), "dropped": 0, "overlay_wanted": mesh.watched}

    @router.put("/artifacts/{inspection_id}/{name}/", status_code=204)
    async def artifact(
        inspection_id: str, name: str, request: Request, transient: bool = False
    ) -> None:
        assert request.headers["x-machine-id"] == mesh.machine_id
        assert request.headers["x-lease-token"]
        kept = mesh.frames if transient else mesh.artifacts
        kept[inspection_id, name] = await request.body()

    @router.get("/images/{image_id}/")
    async def image(image_id: str) -> Response:
        mesh.image_requests.append(image_id)
        await mesh.note()
        await mesh.images_open.wait()
        if image_id not in mesh.images:
            raise HTTPException(404)
        return Response(mesh.images[image_id], media_type="image/png")

    return router


def assignment(inspection_id: str, config: dict[str, Any], **lease: Any) -> dict[str, Any]:
    """An assignment as the orchestrator pushes it."""
    expires_at = datetime.now(UTC) + timedelta(seconds=30)
    return {
        "inspection_id": inspection_id,
        "machine_id": "mv_000000000001",
        "inspection_type": "blob_detection",
        "pipeline_config": config,
        "lease": {
            "token": f"lease-{inspection_id}",
            "attempt": 1,
            "expires_at": expires_at.isoformat(),
            **lease,
        },
    }
