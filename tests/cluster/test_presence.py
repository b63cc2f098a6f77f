"""Services: who is there, who has vanished, who came back, and what they all stand on."""

import asyncio
import signal
from typing import Any

import httpx

from common.bus import Bus
from tests.cluster.conftest import Make, Running
from tests.infrastructure import Postgres
from tests.patience import eventually


async def status_of(client: httpx.AsyncClient, name: str) -> dict[str, Any] | None:
    services = (await client.get("/cluster/status")).json()["services"]
    found: dict[str, Any] | None = services.get(name)
    return found


async def open_alerts(client: httpx.AsyncClient, component: str) -> list[dict[str, Any]]:
    query = {"resolved": "false", "component": component}
    found: list[dict[str, Any]] = (await client.get("/alerts", params=query)).json()
    return found


async def test_a_service_is_seen_with_its_replicas(
    shared: Running, viewer: httpx.AsyncClient
) -> None:
    async with shared.member("lathes", postgresql="healthy"), shared.member("lathes"):

        async def both() -> Any:
            found = await status_of(viewer, "lathes")
            return found if found and len(found["replicas"]) == 2 else None

        found = await eventually(both, what="two replicas")
        assert found["status"] == "healthy"
        assert {one["node"] for one in found["replicas"]} == {"host-of-lathes"}

    async def gone() -> Any:
        found = await status_of(viewer, "lathes")
        return found if found and not found["replicas"] else None

    assert (await eventually(gone, what="the goodbye"))["status"] == "unhealthy"


async def test_a_vanished_service_is_an_alert_and_its_return_ends_it(
    launch: Make,
) -> None:
    running = launch()
    second = launch(database_url=running.database_url)
    async with running.client("viewer") as viewer:

        async def has_two() -> Any:
            found = await status_of(viewer, "cluster")
            return found and len(found["replicas"]) == 2

        await eventually(has_two, what="the second replica")
        second.process.send_signal(signal.SIGKILL)

        async def told() -> Any:
            return await open_alerts(viewer, "service:cluster")

        found = await eventually(told, what="the alert")
        assert "cluster has lost 1 of 2 processes" in found[0]["message"]
        third = launch(database_url=running.database_url)

        async def ended() -> bool:
            return not await open_alerts(viewer, "service:cluster")

        await eventually(ended, what="the alert's end")
        assert third.process.poll() is None
        listed = (await viewer.get("/alerts", params={"component": "service:cluster"})).json()
        assert [one["resolved"] for one in listed] == [True]


async def test_one_alert_names_the_root_cause_and_who_suffers(launch: Make) -> None:
    running = launch()
    sick = {"postgresql": "unhealthy: OSError"}
    async with (
        running.client("viewer") as viewer,
        running.member("lathes", **sick),
        running.member("mills", **sick),
        running.member("saws", **sick),
    ):

        async def told() -> Any:
            found = await open_alerts(viewer, "postgresql")
            return found if found and len(found[0]["affected"]) == 3 else None

        found = await eventually(told, what="the alert")
        assert len(found) == 1
        assert (found[0]["severity"], found[0]["affected"]) == (
            "critical",
            ["lathes", "mills", "saws"],
        )
        assert found[0]["message"].startswith("PostgreSQL does not answer")
        everything = (await viewer.get("/alerts?resolved=false")).json()
        assert [one["component"] for one in everything] == ["postgresql"]


async def test_postgresql_down_is_told_while_it_is_down(launch: Make) -> None:
    server = Postgres()
    server.start()
    try:
        running = launch(database_url=server.migrated("cluster"))
        async with running.client("viewer") as viewer:
            await asyncio.sleep(1.5)
            server.kill()

            async def told() -> Any:
                return await open_alerts(viewer, "postgresql")

            found = await eventually(told, what="the alert")
            assert (found[0]["severity"], found[0]["resolved"]) == ("critical", False)
            server.start()

            async def ended() -> Any:
                listed = (await viewer.get("/alerts?component=postgresql&resolved=true")).json()
                return listed

            kept = await eventually(ended, what="the alert's end")
            assert len(kept) == 1
    finally:
        server.close()


async def test_alerts_of_services_are_one_list_each_cause_once(
    shared: Running, viewer: httpx.AsyncClient
) -> None:
    async with shared.bus() as bus:
        await raise_alerts(bus)

        async def listed() -> Any:
            found = (await viewer.get("/alerts?limit=1000")).json()
            mine = {
                one["component"]: one for one in found if one["source"] in ("printers", "devices")
            }
            return mine if mine.get("device:7", {}).get("resolved") and len(mine) == 2 else None

        mine = await eventually(listed, what="the alerts")
    assert mine["printer:P1"]["severity"] == "critical"
    assert mine["printer:P1"]["message"] == "spaghetti"
    assert mine["printer:P1"]["resolved"] is False
    assert mine["device:7"]["timestamp"] == "2026-01-01T08:00:00.000Z"
    found = (await viewer.get("/alerts?limit=1000")).json()
    assert sum(one["component"] == "printer:P1" for one in found) == 1


async def raise_alerts(bus: Bus) -> None:
    """What printers and devices publish, one of them twice."""
    printer = {
        "type": "alert",
        "timestamp": "2026-01-01T08:00:00.000Z",
        "printer_id": "P1",
        "data": {"id": 12, "kind": "print_failed", "severity": "critical", "message": "spaghetti",
                 "state": "open", "source": "printers"},
    }  # fmt: skip
    device = {
        "id": "devices-3", "severity": "warning", "component": "device:7", "message": "too hot",
        "timestamp": "2026-01-01T08:00:00.000Z", "resolved": False, "source": "devices",
    }  # fmt: skip
    await bus.publish("gemba.alert.printer.P1", printer)
    await bus.publish("gemba.alert.raised.devices-3", device)
    await bus.publish("gemba.alert.printer.P1", printer)
    ended = {**device, "resolved": True, "resolved_at": "2026-01-01T09:00:00.000Z"}
    await bus.publish("gemba.alert.resolved.devices-3", ended)
    await bus.client.flush()
