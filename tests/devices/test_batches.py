"""Lists read by columns are what the reader that names each wrong row makes of them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ValidationFailed
from devices.batch import Batch, plain_batch
from devices.numbers import loads_exact
from devices.readings import Bounds, parse_readings
from gemba_local.mesh import LocalMesh
from tests.callers import calling
from tests.devices.test_readings import path

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
BOUNDS = Bounds(NOW, kept_days=3650)
_STRANGE: list[Any] = [None, True, "7.25", "NaN", "x", 10**10, 10**22, 1e-7, 1e300, -0.0, {}, []]
_VALUES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1e9, 1e9).map(lambda value: round(value, 3)),
    st.integers(-(10**12), 10**12),
    st.sampled_from(_STRANGE),
)


def _moments(*, from_days: float, to_days: float) -> st.SearchStrategy[datetime]:
    """Times between so many days after `NOW`."""
    least, most = timedelta(days=from_days), timedelta(days=to_days)
    return st.timedeltas(least, most).map(lambda away: NOW + away)


_TIMES = st.one_of(
    _moments(from_days=-3700, to_days=2).map(lambda t: f"{t:%Y-%m-%dT%H:%M:%S}Z"),
    _moments(from_days=-1, to_days=1).map(lambda t: f"{t:%Y-%m-%d %H:%M:%S.%f}+02:00"),
    _moments(from_days=-1, to_days=1).map(lambda t: f"{t:%Y-%m-%dt%H:%M:%S.%f}-07:30"),
    _moments(from_days=-30, to_days=0).map(datetime.isoformat),
    st.sampled_from(["1970-01-01T00:00:00Z", "2026-02-01", "2026-02-01T00:00:00", 5, "", None]),
    st.just("2026-02-01T00:00:00." + "0" * 30 + "Z"),
)
_ROWS = st.fixed_dictionaries(
    {"metric": st.sampled_from(["a", " a ", "b", "c" * 100]), "value": _VALUES},
    optional={"unit": st.sampled_from(["C", "°C", "", None, "bar"]), "timestamp": _TIMES},
)
_USUAL_ROWS = st.fixed_dictionaries(
    {
        "metric": st.sampled_from(["a", "b", "c"]),
        "value": st.one_of(
            st.floats(-1e9, 1e9).map(lambda value: round(value, 3)), st.integers(-9999, 9999)
        ),
    },
    optional={
        "unit": st.sampled_from(["°C", "bar"]),
        "timestamp": _moments(from_days=-30, to_days=0).map(datetime.isoformat),
    },
)
_WRONG: list[Any] = [7, "text", None, [], {}, {"metric": 5, "value": 1}, {"metric": [], "value": 1}]


def by_rows(content: Any) -> Batch | None:
    """What the reader makes of it that looks at one row after the other."""
    try:
        return Batch.of(parse_readings(content, BOUNDS))
    except ValidationFailed:
        return None


@given(st.lists(_ROWS, min_size=1, max_size=12))
def test_columns_hold_what_reading_row_by_row_finds(rows: list[dict[str, Any]]) -> None:
    content = loads_exact(json.dumps(rows).encode())
    found = plain_batch(content, BOUNDS)
    expected = by_rows(content)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert [found.row(i) for i in range(len(found))] == [
            expected.row(i) for i in range(len(expected))
        ]


@given(st.lists(_USUAL_ROWS, min_size=1, max_size=30))
def test_usual_lists_are_read_by_columns_and_in_the_order_of_time(
    rows: list[dict[str, Any]],
) -> None:
    batch = plain_batch(loads_exact(json.dumps(rows).encode()), BOUNDS)
    assert batch is not None
    assert list(batch.times) == sorted(batch.times)
    assert len(batch) == len(rows)
    assert [datetime.fromisoformat(text) for text in batch.written_times()] == list(batch.times)
    for metric in {row["metric"] for row in rows}:
        places = [i for i, name in enumerate(batch.metrics) if name == metric]
        assert (batch.first[metric], batch.last[metric]) == (places[0], places[-1])
    marked = {(hour, metric) for hour, metrics in batch.hours() for metric in metrics}
    assert marked == {
        (time.replace(minute=0, second=0, microsecond=0), metric)
        for time, metric in zip(batch.times, batch.metrics, strict=True)
    }


@pytest.mark.parametrize("wrong", _WRONG)
def test_what_is_no_reading_is_left_to_the_reader_that_names_it(wrong: Any) -> None:
    good = {"metric": "a", "value": 1}
    assert plain_batch([good, wrong], BOUNDS) is None
    if wrong != []:
        assert plain_batch(wrong, BOUNDS) is None


def test_readings_of_one_time_stay_in_the_order_in_which_they_came() -> None:
    early, late = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    rows = [
        {"metric": "a", "value": value, "timestamp": time.isoformat()}
        for value, time in ((1, late), (2, early), (3, late), (4, early))
    ]
    batch = plain_batch(rows, BOUNDS)
    assert batch is not None
    assert list(batch.values) == ["2", "4", "1", "3"]


async def test_unknown_device_is_refused_alike_with_and_without_a_key(
    admin: httpx.AsyncClient,
) -> None:
    url, row = "/api/devices/999999999/measurements/", {"metric": "t", "value": 1}
    short = await admin.post(url, json=row)
    documented = await admin.post(url, json=row, headers={"Idempotency-Key": "one"})
    assert (short.status_code, short.json()) == (404, documented.json())
    assert documented.status_code == 404


@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
@pytest.mark.parametrize(("body", "status"), [(b'{"t": 1}', 200), (b"7", 400)])
async def test_every_answer_to_a_device_says_whose_token_it_was(
    mesh: LocalMesh,
    device: dict[str, Any],
    token: str,
    media_type: str,
    body: bytes,
    status: int,
) -> None:
    async with calling(mesh.url_of("devices")) as client:
        response = await client.post(
            f"/api/v1/{token}/telemetry", content=body, headers={"Content-Type": media_type}
        )
    assert response.status_code == status
    assert response.headers["X-Gemba-Verified"] == f"device:{device['id']}"


async def test_list_without_a_permission_is_refused_with_its_usual_error(
    mesh: LocalMesh, device: dict[str, Any]
) -> None:
    async with calling(mesh.url_of("devices")) as client:
        row = {"metric": "t", "value": 1}
        none = await client.post(path(device, "measurements/"), json=row)
        forged = await client.post(
            path(device, "measurements/"), json=row, headers={"Authorization": "Bearer x"}
        )
    assert (none.status_code, forged.status_code) == (401, 401)


@pytest.mark.parametrize("zone", ["Z", "+00:00"])
async def test_postgresql_reads_a_plain_time_as_it_was_judged(mesh: LocalMesh, zone: str) -> None:
    fractions = ["", *("." + "987654"[:digits] for digits in range(1, 7))]
    sent = [f"2025-12-31T23:59:59{fraction}{zone}" for fraction in fractions]
    batch = plain_batch([{"metric": "t", "value": 1, "timestamp": t} for t in sent], BOUNDS)
    assert batch is not None
    assert sorted(batch.sent) == sorted(sent)
    database = await asyncpg.connect(mesh.database_url)
    read = await database.fetchval("SELECT $1::text[]::timestamptz[]", list(batch.sent))
    await database.close()
    assert read == list(batch.times)
