"""Logs of every service: filters, traces, redaction, budgets, and a flood that harms nobody."""

import asyncio
import itertools
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import psutil
import pytest

from cluster.service.logs import budgets
from common.logs import JsonFormatter
from common.schemas.mesh import DROPPED_HEADER, LOGS_SUBJECT
from common.shipping import LogBuffer
from tests.cluster.conftest import Make, Running
from tests.patience import eventually


def at(minute: int) -> str:
    """A moment of two hours ago; what is older than it is kept would be deleted."""
    moment = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    return (moment + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")


def line(component: str, message: str, **more: Any) -> dict[str, Any]:
    return {
        "timestamp": at(0),
        "level": "INFO",
        "component": component,
        "message": message,
        "request_id": None,
        **more,
    }


@asynccontextmanager
async def shipping(running: Running) -> AsyncIterator[Any]:
    async with running.bus() as bus:

        async def ship(component: str, *lines: dict[str, Any], dropped: int = 0) -> None:
            headers = {DROPPED_HEADER: str(dropped)} if dropped else None
            payload = b"\n".join(orjson.dumps(one) for one in lines)
            await bus.client.publish(f"{LOGS_SUBJECT}.{component}", payload, headers=headers)
            await bus.client.flush()

        yield ship


async def found(client: httpx.AsyncClient, count: int, /, **query: Any) -> list[dict[str, Any]]:
    async def ask() -> Any:
        body = (await client.get("/logs", params=query)).json()
        return body["logs"] if body["total"] >= count else None

    lines: list[dict[str, Any]] = await eventually(ask, what=f"{count} lines")
    return lines


async def test_lines_are_found_by_each_filter(shared: Running, viewer: httpx.AsyncClient) -> None:
    mark = secrets.token_hex(4)
    one, other = f"lathe-{mark}", f"mill-{mark}"
    async with shipping(shared) as ship:
        await ship(
            one,
            line(one, "chip jam 50% done", level="ERROR", request_id=mark, tool="bit"),
            line(one, "turning", timestamp=at(50)),
            line(one, "chatty", level="DEBUG"),
        )
        await ship(other, line(other, "milling", request_id=mark))
    lines = await found(viewer, 3, component=one)
    assert [entry["message"] for entry in lines] == ["turning", "chatty", "chip jam 50% done"]
    assert set(lines[0]) >= {"timestamp", "level", "component", "message", "request_id"}
    assert lines[2]["fields"] == {"tool": "bit"}
    assert [e["level"] for e in await found(viewer, 1, component=one, level="warning")] == ["ERROR"]
    later = await found(viewer, 1, component=one, since=at(30))
    assert [entry["message"] for entry in later] == ["turning"]
    assert len(await found(viewer, 1, component=one, q="JAM 50%")) == 1
    assert (await viewer.get("/logs", params={"component": one, "q": "_"})).json()["total"] == 0
    await found(viewer, 1, component=other)
    trace = (await viewer.get(f"/api/logs/traces/{mark}")).json()
    assert (trace["request_id"], trace["components"]) == (mark, [one, other])
    page = (await viewer.get("/logs", params={"component": one, "limit": 1, "offset": 1})).json()
    assert (page["total"], page["logs"][0]["message"]) == (3, "chatty")


async def test_what_is_no_log_line_is_passed_over(
    shared: Running, viewer: httpx.AsyncClient
) -> None:
    name = f"odd-{secrets.token_hex(4)}"
    async with shared.bus() as bus:
        good = orjson.dumps(line(name, "good\u0000one", more="a\u0000b"))
        for raw in (b"not json", b"[]", b"{}", b'{"timestamp": "x"}', good):
            await bus.client.publish(f"{LOGS_SUBJECT}.{name}", raw)
    lines = await found(viewer, 1, component=name)
    assert lines[0]["message"] == "good\ufffdone"


async def test_a_process_ships_its_own_lines_without_secrets(
    shared: Running, viewer: httpx.AsyncClient
) -> None:
    secret = f"sk_live_{secrets.token_urlsafe(32)}"
    async with shared.member("lathe-logs"):
        logging.getLogger("test").warning("the key is %s", secret)

    async def ask() -> Any:
        return (await viewer.get("/logs?component=lathe-logs&q=the key is")).json()["logs"]

    shown = await eventually(ask, what="the line")
    assert shown[0]["message"] == "the key is sk_live_***"


async def test_a_flood_is_counted_and_pushes_nobody_out(launch: Make) -> None:
    running = launch(GEMBA_LOG_STORE_MB="8")
    process = psutil.Process(running.process.pid)
    async with running.client("viewer") as viewer, shipping(running) as ship:
        await ship("quiet", *(line("quiet", f"calm {number}") for number in range(50)))
        await found(viewer, 50, component="quiet")
        before = process.memory_info().rss
        noise = [line("noisy", f"noise {number} " + "x" * 80) for number in range(1000)]
        payload = b"\n".join(orjson.dumps(one) for one in noise)
        async with running.bus() as bus:
            for _ in range(20):
                for _ in range(5):
                    await bus.client.publish(f"{LOGS_SUBJECT}.noisy", payload)
                await bus.client.flush()
                await ship("quiet", line("quiet", "still calm"))
                await asyncio.sleep(0.05)
        await found(viewer, 70, component="quiet")
        assert process.memory_info().rss - before < 100 * 2**20

        async def counted() -> Any:
            body = (await viewer.get("/logs?component=noisy&q=over its budget")).json()
            return sum(one["fields"]["dropped"] for one in body["logs"]) > 80_000

        await eventually(counted, what="the count of what was dropped")
        assert (await viewer.get("/logs?component=noisy")).json()["total"] < 20_000


async def test_what_a_service_dropped_itself_is_told(
    shared: Running, viewer: httpx.AsyncClient
) -> None:
    name = f"busy-{secrets.token_hex(4)}"
    async with shipping(shared) as ship:
        await ship(name, dropped=123)
    lines = await found(viewer, 1, component=name)
    assert lines[0]["fields"] == {"dropped": 123}


@pytest.mark.parametrize(
    ("pause_s", "kept"),
    [pytest.param(0.0, 2_000, id="at once"), pytest.param(0.002, 3_750, id="while nobody takes")],
)
def test_a_source_keeps_within_its_bounds_and_warnings_get_through(
    pause_s: float, kept: int
) -> None:
    times = itertools.count(step=pause_s)
    buffer = LogBuffer("lathe", clock=lambda: next(times))
    logger = logging.Logger("flood")
    logger.addHandler(buffer)
    for number in range(20_000):
        logger.info("noise %d", number)
    logger.warning("the spindle is hot")
    lines, dropped = buffer.take(10 * 2**20)
    assert len(lines) == kept + 1
    assert dropped == 20_000 - kept == buffer.dropped
    assert b"the spindle is hot" in lines[-1]
    assert buffer.take(2**20) == ([], 0)


def test_a_line_that_is_too_long_is_cut_and_stays_json() -> None:
    buffer = LogBuffer("lathe")
    record = logging.makeLogRecord(
        {"msg": "y" * 100_000, "levelname": "INFO", "levelno": 20, "created": 1_772_359_200.0}
    )
    buffer.emit(record)
    shown = orjson.loads(buffer.take(2**20)[0][0])
    assert shown["message"].endswith("(cut short)")
    assert len(shown["message"]) < 10_000


def test_a_record_is_written_once_for_all_handlers() -> None:
    record = logging.makeLogRecord({"msg": "once", "levelname": "INFO"})
    formatter = JsonFormatter("lathe")
    assert formatter.format(record) is formatter.format(record)


def test_the_largest_give_way_first() -> None:
    assert budgets({"a": 10, "b": 20}, total=100, share=0.5) == {}
    assert budgets({"a": 10, "b": 80}, total=100, share=0.5) == {"b": 50}
    assert budgets({"a": 10, "b": 80, "c": 80}, total=100, share=1) == {"b": 45, "c": 45}
    assert budgets({"a": 60, "b": 60}, total=100, share=0.25) == {"a": 25, "b": 25}
