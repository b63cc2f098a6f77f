"""Readings in and out through the gateway (contract, chapter 8)."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest


def path(device: dict[str, Any], rest: str) -> str:
    return f"/api/devices/{device['id']}/{rest}"


def at(seconds: float) -> str:
    """A time about a day ago, so many seconds on."""
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (start - timedelta(days=1) + timedelta(seconds=seconds)).isoformat()


async def test_device_without_readings_has_null_statistics(
    admin: httpx.AsyncClient, device: dict[str, Any]
) -> None:
    response = await admin.get(path(device, "aggregated-data/"))
    assert response.status_code == 200
    assert response.json() == {
        "measurements": [],
        "statistics": {"mean": None, "max": None, "min": None},
        "count": 0,
    }
    assert (await admin.get(path(device, "latest/"))).json() == {}
    page = (await admin.get(path(device, "measurements/"))).json()
    assert page == {"count": 0, "next": None, "previous": None, "results": []}


async def test_aggregated_data_is_as_documented(
    admin: httpx.AsyncClient, device: dict[str, Any]
) -> None:
    rows = [
        {"metric": "temperature", "value": 24.8, "unit": "°C", "timestamp": "2025-11-02T10:29:00Z"},
        {"metric": "temperature", "value": 25.5, "unit": "C", "timestamp": "2025-11-02T10:30:00Z"},
    ]
    response = await admin.post(path(device, "measurements/"), json=rows)
    assert response.status_code == 201, response.text
    assert response.json() == {"accepted": 2}
    body = (await admin.get(path(device, "aggregated-data/"))).json()
    newest, older = body["measurements"]
    expected = {
        "device": device["id"],
        "metric": "temperature",
        "value": "25.5000000000",
        "unit": "°C",
        "timestamp": "2025-11-02T10:30:00Z",
    }
    assert expected.items() <= newest.items()
    assert isinstance(newest["id"], int)
    assert older["value"] == "24.8000000000"
    assert body["statistics"] == {"mean": 25.15, "max": 25.5, "min": 24.8}
    assert body["count"] == 2


async def test_only_the_newest_hundred_count(
    admin: httpx.AsyncClient, device: dict[str, Any]
) -> None:
    rows = [{"metric": "n", "value": i, "timestamp": at(i)} for i in range(150)]
    other = [{"metric": "other", "value": 1000, "timestamp": at(149.5)}]
    await admin.post(path(device, "measurements/"), json=rows + other)
    body = (await admin.get(path(device, "aggregated-data/?metric=n"))).json()
    assert body["count"] == 100
    assert [float(m["value"]) for m in body["measurements"]] == list(range(149, 49, -1))
    assert body["statistics"] == {"mean": 99.5, "max": 149.0, "min": 50.0}
    both = (await admin.get(path(device, "aggregated-data/"))).json()
    assert both["measurements"][0]["metric"] == "other"
    assert both["count"] == 100


async def test_same_reading_again_is_one_reading(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient, device: dict[str, Any], token: str
) -> None:
    moment = datetime.now(UTC).replace(microsecond=0)
    row = {"metric": "temperature", "value": "25.50", "timestamp": moment.isoformat()}
    for value in ("25.50", 25.5, "2.55e1"):
        response = await admin.post(
            path(device, "measurements/"), json=[row | {"value": value}] * 2
        )
        assert response.json() == {"accepted": 2}
    telemetry = {"ts": int(moment.timestamp() * 1000), "values": {"temperature": 25.5}}
    response = await stranger.post(f"/api/v1/{token}/telemetry", json=telemetry)
    assert (response.status_code, response.content) == (200, b"")
    assert (await admin.get(path(device, "measurements/"))).json()["count"] == 1


async def test_values_are_exact_to_ten_places(
    admin: httpx.AsyncClient, device: dict[str, Any]
) -> None:
    sent = {
        "9999999999.1234567891": "9999999999.1234567891",
        '"0.12345678905"': "0.1234567890",
        '"0.12345678915"': "0.1234567892",
        "-0.00000000001": "0.0000000000",
        "true": "1.0000000000",
        '"1e3"': "1000.0000000000",
        "12345678901e-5": "123456.7890100000",
    }
    for index, (text, stored) in enumerate(sent.items()):
        body = f'{{"metric": "m{index}", "value": {text}}}'
        response = await admin.post(
            path(device, "measurements/"),
            content=body,
            headers={"Content-Type": "application/json"},
        )
        assert response.status_code == 201, (text, response.text)
        latest = (await admin.get(path(device, "latest/"))).json()
        assert latest[f"m{index}"]["value"].lstrip("-") == stored


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ('{"metric": "t", "value": 123456789012345678901}', "value"),
        ('{"metric": "t", "value": 10000000000}', "value"),
        ('{"metric": "t", "value": 9999999999.99999999999}', "value"),
        ('{"metric": "t", "value": "NaN"}', "value"),
        ('{"metric": "t", "value": "abc"}', "value"),
        ('{"metric": "t", "value": null}', "value"),
        ('{"metric": "t", "value": {}}', "value"),
        ('{"metric": "t"}', "value"),
        ('{"value": 1}', "metric"),
        ('{"metric": "", "value": 1}', "metric"),
        ('{"metric": 5, "value": 1}', "metric"),
        (f'{{"metric": "{"x" * 101}", "value": 1}}', "metric"),
        ('{"metric": "t", "value": 1, "timestamp": "1970-01-01T00:00:00Z"}', "timestamp"),
        ('{"metric": "t", "value": 1, "timestamp": "2999-01-01T00:00:00Z"}', "timestamp"),
        ('{"metric": "t", "value": 1, "timestamp": "2025-01-01"}', "timestamp"),
        ('{"metric": "t", "value": 1, "timestamp": "2025-01-01T00:00:00"}', "timestamp"),
        ('{"metric": "t", "value": 1, "timestamp": 5}', "timestamp"),
        ('{"metric": "t", "value": 1, "timestamp": "0001-01-01T00:00:00+14:00"}', "timestamp"),
        ('{"metric": "t", "value": 1, "unit": 5}', "unit"),
        (f'{{"metric": "t", "value": 1, "unit": "{"x" * 33}"}}', "unit"),
        ("7", "non_field_errors"),
    ],
)
async def test_list_with_one_wrong_reading_is_refused_whole(
    admin: httpx.AsyncClient, device: dict[str, Any], wrong: str, field: str
) -> None:
    good = '{"metric": "t", "value": 1}'
    for body, name in ((f"[{good}, {wrong}]", f"1.{field}"), (wrong, field)):
        response = await admin.post(
            path(device, "measurements/"),
            content=body.encode(),
            headers={"Content-Type": "application/json"},
        )
        assert response.status_code == 400, response.text
        assert list(response.json()) == [name]
    assert (await admin.get(path(device, "measurements/"))).json()["count"] == 0


@pytest.mark.parametrize("body", [b"", b"{", b'{"metric": "t", "value": NaN}', b"[Infinity]"])
async def test_body_that_is_no_json_is_a_parse_error(
    admin: httpx.AsyncClient, device: dict[str, Any], body: bytes
) -> None:
    response = await admin.post(
        path(device, "measurements/"), content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 400
    assert response.json()["detail"].startswith("JSON parse error - ")


async def test_list_of_1001_is_refused(admin: httpx.AsyncClient, device: dict[str, Any]) -> None:
    row = {"metric": "t", "value": 1}
    for rows in ([row] * 1001, []):
        response = await admin.post(path(device, "measurements/"), json=rows)
        assert response.status_code == 400
        assert list(response.json()) == ["non_field_errors"]
    response = await admin.post(path(device, "measurements/"), json=[row] * 1000)
    assert response.json() == {"accepted": 1000}
    assert (await admin.get(path(device, "measurements/"))).json()["count"] == 1


async def test_latest_never_goes_back(admin: httpx.AsyncClient, device: dict[str, Any]) -> None:
    for seconds, value in ((10, 2), (5, 1), (20, 3), (0, 0)):
        row = {"metric": "t", "value": value, "unit": "kelvin", "timestamp": at(seconds)}
        await admin.post(path(device, "measurements/"), json=row)
    latest = (await admin.get(path(device, "latest/"))).json()
    assert latest["t"]["value"] == "3.0000000000"
    assert latest["t"]["unit"] == "K"


async def test_quality_tells_late_and_skewed_readings(
    admin: httpx.AsyncClient, device: dict[str, Any]
) -> None:
    now = datetime.now(UTC)
    for metric, ahead in (("now", 0), ("late", -3600), ("ahead", 3600)):
        moment = (now + timedelta(seconds=ahead)).isoformat()
        row = {"metric": metric, "value": 1, "timestamp": moment}
        assert (await admin.post(path(device, "measurements/"), json=row)).status_code == 201
    page = (await admin.get(path(device, "measurements/"))).json()
    flags = {row["metric"]: row["quality"] for row in page["results"]}
    assert flags == {"now": "good", "late": "late", "ahead": "clock-skew"}


async def test_idempotency_key_repeats_the_first_answer(
    admin: httpx.AsyncClient, device: dict[str, Any]
) -> None:
    headers = {"Idempotency-Key": "batch-1"}
    url = path(device, "measurements/")
    body = [{"metric": "t", "value": 1}]  # without a time: stored again, it would be another one
    for _ in range(3):
        response = await admin.post(url, json=body, headers=headers)
        assert (response.status_code, response.json()) == (201, {"accepted": 1})
    both = await asyncio.gather(
        *(admin.post(url, json=body, headers={"Idempotency-Key": "k2"}) for _ in range(8))
    )
    assert {response.status_code for response in both} == {201}
    assert (await admin.get(url)).json()["count"] == 2
    other = await admin.post(url, json=[{"metric": "t", "value": 2}], headers=headers)
    assert other.status_code == 409
    assert "detail" in other.json()


async def test_pages_of_readings_are_newest_first(
    admin: httpx.AsyncClient, device: dict[str, Any]
) -> None:
    rows = [{"metric": "t", "value": i, "timestamp": at(i * 600)} for i in range(45)]
    await admin.post(path(device, "measurements/"), json=rows)
    url = path(device, f"measurements/?metric=t&start={at(600)}&end={at(44 * 600)}")
    url = url.replace("+00:00", "Z")
    seen: list[float] = []
    page = (await admin.get(url)).json()
    assert page["count"] == 43
    seen += [float(row["value"]) for row in page["results"]]
    while page["next"]:
        page = (await admin.get(page["next"])).json()
        seen += [float(row["value"]) for row in page["results"]]
    assert seen == list(range(43, 0, -1))
    assert (await admin.get(path(device, "measurements/?page=9"))).json() == {
        "detail": "Invalid page."
    }


async def test_csv_has_every_reading(admin: httpx.AsyncClient, device: dict[str, Any]) -> None:
    rows = [{"metric": "b", "value": i / 8, "unit": "°C", "timestamp": at(i)} for i in range(300)]
    rows += [{"metric": "=a", "value": 1, "timestamp": at(0.5)}]
    await admin.post(path(device, "measurements/"), json=rows)
    response = await admin.get(path(device, "measurements.csv"))
    assert response.headers["content-type"].startswith("text/csv")
    table = list(csv.DictReader(io.StringIO(response.text)))
    assert list(table[0]) == ["id", "metric", "value", "unit", "timestamp"]
    assert len(table) == 301
    assert table[0]["metric"] == "'=a"
    assert table[0]["timestamp"].endswith("00.500000Z")
    assert [float(row["value"]) for row in table[1:]] == [i / 8 for i in range(300)]
    narrowed = await admin.get(path(device, "measurements.csv/"), params={"metric": "b"})
    assert len(narrowed.text.splitlines()) == 301


async def test_connectivity_follows_the_devices_own_cadence(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient, device: dict[str, Any], token: str
) -> None:
    now = datetime.now(UTC)
    rows = [
        {"metric": "t", "value": i, "timestamp": (now - timedelta(minutes=10 * i)).isoformat()}
        for i in range(3, 12)
    ]
    await admin.post(path(device, "measurements/"), json=rows)
    seen = (await admin.get(path(device, ""))).json()
    assert seen["connectivity"] == "stale"
    await admin.post(path(device, "measurements/"), json=rows[:1])
    moment = (now - timedelta(minutes=25)).isoformat()
    await admin.post(
        path(device, "measurements/"), json={"metric": "t", "value": 0, "timestamp": moment}
    )
    assert (await admin.get(path(device, ""))).json()["connectivity"] == "online"
    await stranger.post(f"/api/v1/{token}/telemetry", json={"t": 1})
    heard = (await admin.get(path(device, ""))).json()
    assert heard["connectivity"] == "online"
    assert heard["last_seen_at"] >= now.isoformat()[:19]
