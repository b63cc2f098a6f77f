"""`/ws/printers`: the present state, what happens, resuming by `seq`, and who is let in."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from tests.patience import PATIENCE_S
from tests.printers.conftest import Owner, Running, enqueue


def watching(running: Running, query: str = "", *, role: str = "viewer") -> connect:
    """A socket of somebody who may read."""
    url = running.url.replace("http", "ws") + f"/ws/printers{query}"
    headers = {"Authorization": f"Bearer {running.issuer.token(role)}"}
    return connect(url, additional_headers=headers)


async def read(socket: ClientConnection, kind: str, printer_id: str) -> dict[str, Any]:
    """The next event of this kind about this printer."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            event: dict[str, Any] = json.loads(await socket.recv())
            if event["type"] == kind and event.get("printer_id", printer_id) == printer_id:
                return event


async def test_a_viewer_sees_the_state_and_then_what_happens(
    shared: Running, owner: Owner, admin: httpx.AsyncClient
) -> None:
    async with watching(shared) as socket:
        first = json.loads(await socket.recv())
        assert first["type"] == "printers"
        assert owner.printer_id in [one["printer_id"] for one in first["data"]["printers"]]
        job_id = await owner.start(await enqueue(admin))
        event = await read(socket, "printer_job", owner.printer_id)
        assert event["data"]["print_status_id"] == job_id
        assert event["data"]["status"] == "pending"
        assert event["seq"] > first["seq"]
        await owner.update(job_id, status="printing", progress=50)
        event = await read(socket, "printer_job", owner.printer_id)
        assert (event["data"]["status"], event["data"]["progress_percentage"]) == ("printing", 50)
        status = await read(socket, "printer_status", owner.printer_id)
        assert status["data"]["status"] == "printing"
        await owner.update(job_id, status="failed", message="spaghetti")
        alert = await read(socket, "alert", owner.printer_id)
        assert (alert["data"]["kind"], alert["data"]["state"]) == ("print_failed", "open")


async def test_a_viewer_resumes_without_loss(
    shared: Running, owner: Owner, admin: httpx.AsyncClient
) -> None:
    query = f"?printer_id={owner.printer_id}"
    async with watching(shared, query) as socket:
        seq = json.loads(await socket.recv())["seq"]
    job_id = await owner.start(await enqueue(admin))
    for progress in (10, 20, 30):
        await owner.update(job_id, status="printing", progress=progress)
    async with watching(shared, f"{query}&after={seq}") as socket:
        seen: list[float] = []
        while len(seen) < 4:
            event = await read(socket, "printer_job", owner.printer_id)
            seen.append(event["data"]["progress_percentage"])
    assert seen == [0, 10, 20, 30]


async def test_what_is_no_longer_kept_is_a_resync(shared: Running, owner: Owner) -> None:
    async with watching(shared, "?after=999999999") as socket:
        assert json.loads(await socket.recv()) == {"type": "resync"}
        assert json.loads(await socket.recv())["type"] == "printers"


async def test_who_may_not_watch_is_refused(shared: Running) -> None:
    for query, role, code in (
        ("", "machine", 403),
        ("?after=x", "viewer", 400),
        ("?printer_id=nobody", "viewer", 404),
    ):
        with pytest.raises(InvalidStatus) as refused:
            async with watching(shared, query, role=role):
                pass
        assert refused.value.response.status_code == code
    with pytest.raises(InvalidStatus) as refused:
        async with connect(shared.url.replace("http", "ws") + "/ws/printers"):
            pass
    assert refused.value.response.status_code == 401
