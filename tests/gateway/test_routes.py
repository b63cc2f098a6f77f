"""The routing table by itself: longest match, literals first, and a file that must make sense."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway
from gateway.routes import RouteTable, load_routes

FILE = Path(gateway.__file__).parent / "routes.toml"
TABLE: RouteTable = load_routes(FILE, overrides={})


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/", "gateway"),
        ("/api/v1/auth/login", "gateway"),
        ("/api/v1/workers", "tracking"),
        ("/api/v1/workers/W001", "tracking"),
        ("/workers", "cluster"),
        ("/api/workers/w/stop", "cluster"),
        ("/api/v1/alerts", "tracking"),
        ("/alerts", "cluster"),
        ("/metrics", "gateway"),
        ("/metrics/system", "cluster"),
        ("/api/metrics/system", "cluster"),
        ("/api/v1/metrics/today", "tracking"),
        ("/api/v1/machines/mv_1/status", "orchestrator"),
        ("/api/status/update", "printers"),
        ("/api/v1/abc/telemetry", "devices"),
        ("/api/devices/1/aggregated-data", "devices"),
        ("/ws/tracking", "tracking"),
        ("/ws/inspections/ins_1", "orchestrator"),
        ("/ws/wall", "cluster"),
        ("/api/token/refresh", "gateway"),
        ("/.well-known/jwks.json", "gateway"),
    ],
)
def test_a_path_goes_where_the_contract_says(path: str, service: str) -> None:
    route = TABLE.find(path)
    assert route is not None
    assert route.row.to == service


@pytest.mark.parametrize("path", ["/nope", "/api", "/ws", "/internal/x", "/api/nope", "/apix"])
def test_an_unknown_path_goes_nowhere(path: str) -> None:
    assert TABLE.find(path) is None


@given(st.lists(st.text(alphabet="abcxyz/{}.%", max_size=8), max_size=6))
def test_any_path_is_looked_up_without_error(segments: list[str]) -> None:
    TABLE.find("/" + "/".join(segments))


GOOD = """
[limits]
rest = { default = "1/minute" }
[[route]]
paths = ["/a"]
to = "cluster"
limit = "rest"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[limits]", "limits = 7", "limits"),
        ("default", "machine", "limits.rest has no default"),
        ("1/minute", "often", "often"),
        ('limit = "rest"', 'limit = "none-such"', "there is no limit named 'none-such'"),
        ('to = "cluster"', 'to = "nowhere"', "to"),
        ('["/a"]', '["/a", "/a/"]', "two routes for /a"),
    ],
)
def test_a_broken_file_is_refused_with_a_reason(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = tmp_path / "routes.toml"
    path.write_text(GOOD)
    assert load_routes(path, overrides={}).find("/a/b")
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(ValueError, match=said):
        load_routes(path, overrides={})


def test_an_override_must_name_a_row() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        load_routes(FILE, overrides={"nonsense": "1/minute"})
    row = load_routes(FILE, overrides={"rest": "7/minute"}).limits["rest"]
    assert row.rate_for("viewer").amount == 7
