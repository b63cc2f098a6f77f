"""The printers' rules alone: estimates, throttle, reach, words of the MQTT plug-in."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from printers.advancing import widened
from printers.bridges.octoprint import state_of
from printers.bridges.octoprint_mqtt import read
from printers.estimating import Known, estimate
from printers.keys import CredentialVault
from printers.reach import Reach
from printers.reports import HostRefused, Report
from printers.service.following import is_same_model
from printers.settings import Settings
from printers.throttle import Throttle

NOW = datetime(2025, 3, 31, 12, 0, tzinfo=UTC)


def known(**fields: object) -> Known:
    """A job that prints."""
    values: dict[str, object] = {
        "status": "printing",
        "progress": 0.0,
        "printed_s": 0.0,
        "remaining_s": None,
        "remaining_at": None,
        "updated_at": NOW,
        "usual_s": None,
    }
    return Known(**{**values, **fields})  # type: ignore[arg-type]  # names are those of Known


def test_the_printers_own_time_comes_first_then_progress_then_history() -> None:
    own = known(remaining_s=60.0, remaining_at=NOW, progress=50.0, printed_s=600.0, usual_s=1.0)
    found = estimate(own, NOW)
    assert found is not None
    assert (found.source, found.at) == ("printer", NOW + timedelta(seconds=60))
    found = estimate(known(progress=25.0, printed_s=600.0, usual_s=1.0), NOW)
    assert found is not None
    assert (found.source, found.at) == ("progress", NOW + timedelta(seconds=1800))
    found = estimate(known(usual_s=300.0, printed_s=10.0), NOW)
    assert found is not None
    assert (found.source, found.at) == ("history", NOW + timedelta(seconds=290))
    assert estimate(known(), NOW) is None
    assert estimate(known(status="completed", usual_s=9.0), NOW) is None


@given(
    st.floats(0, 100),
    st.floats(0, 1e7),
    st.none() | st.floats(0, 1e7),
    st.none() | st.floats(0, 1e7),
)
def test_an_estimate_never_lies_in_the_past(
    progress: float, printed_s: float, remaining_s: float | None, usual_s: float | None
) -> None:
    found = estimate(
        known(
            progress=progress,
            printed_s=printed_s,
            remaining_s=remaining_s,
            remaining_at=NOW - timedelta(seconds=60),
            usual_s=usual_s,
        ),
        NOW,
    )
    assert found is None or found.at >= NOW


@given(st.sets(st.integers(0, 10_000)))
def test_widened_points_are_at_most_half_and_in_order(buckets: set[int]) -> None:
    points = [(one, NOW + timedelta(seconds=one), {"progress": one}) for one in sorted(buckets)]
    wide = widened(list(points))
    assert [one[0] for one in wide] == sorted({one // 2 for one in buckets})
    assert [one[2]["progress"] for one in wide] == sorted(one[2]["progress"] for one in wide)


def test_turns_are_stored_at_once_and_the_rest_in_time() -> None:
    clock = [0.0]
    throttle = Throttle(10.0, clock=lambda: clock[0])
    assert throttle.take(Report(NOW, state="printing", progress=1.0))
    assert throttle.take(Report(NOW, progress=2.0, readings={"hotend_temp": 1})) == []
    assert throttle.take(Report(NOW, readings={"bed_temp": 2})) == []
    assert throttle.due(5.0) is None
    (paused,) = throttle.take(Report(NOW, state="paused"))
    assert (paused.progress, paused.readings) == (2.0, {"hotend_temp": 1, "bed_temp": 2})
    throttle.take(Report(NOW, progress=3.0))
    before, turn = throttle.take(Report(NOW, outcome="completed"))
    assert (before.progress, turn.outcome) == (3.0, "completed")
    throttle.take(Report(NOW, progress=4.0))
    assert throttle.due(30.0) is not None
    assert throttle.due(60.0) is None


def test_bridges_reach_only_what_is_allowed() -> None:
    reach = Reach(Settings())
    for allowed in ("10.0.0.1", "172.16.3.4", "192.168.1.7", "fd00::1", "::ffff:10.0.0.1"):
        assert reach.allows(allowed), allowed
    for refused in (
        "8.8.8.8", "127.0.0.1", "169.254.169.254", "::1", "fe80::1", "0.0.0.0", "224.0.0.1",
        "::ffff:169.254.169.254", "nonsense",
    ):  # fmt: skip
        assert not reach.allows(refused), refused
    everywhere = Reach(Settings(printer_networks="0.0.0.0/0,::/0"))
    assert not everywhere.allows("169.254.169.254"), "link-local never is"
    for url in ("http://127.1", "http://2130706433", "http://0x7f000001", "http://[::1]:5000"):
        with pytest.raises(HostRefused):
            reach.check(url)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("octoPrint/temperature/tool0", b"not json"),
        ("octoPrint/temperature/tool0", b"[]"),
        ("octoPrint/temperature/tool7", b'{"actual": 1}'),
        ("octoPrint/progress/slicing", b'{"progress": 1}'),
        ("octoPrint/progress/printing", b'{"progress": "half"}'),
        ("octoPrint/event/ClientOpened", b'{"_event": "ClientOpened"}'),
        ("hass/something/else", b"{}"),
        ("x", b"{}"),
    ],
)
def test_what_tells_nothing_is_passed_over(topic: str, payload: bytes) -> None:
    assert read(topic, payload, at=NOW) is None


def test_the_plugins_words() -> None:
    begun = read("a/b/event/PrintStarted", b'{"name": "x.gcode"}', at=NOW)
    assert begun == Report(NOW, state="printing", file="x.gcode", began=True)
    ended = read("o/event/PrintFailed", b'{"name": "x", "reason": "cancelled"}', at=NOW)
    assert ended is not None
    assert ended.outcome == "canceled"
    gone = read("octoPrint/mqtt", b"disconnected", at=NOW)
    back = read("octoPrint/mqtt", b"connected", at=NOW)
    assert gone is not None
    assert (gone.state, gone.is_turn) == ("offline", True)
    assert gone.gone
    assert back is not None
    assert (back.state, back.is_turn, back.gone) == (None, False, None)


def test_octoprint_still_prints_while_it_pauses() -> None:
    assert state_of({"operational": True, "printing": True, "pausing": True}) == "printing"
    assert state_of({"operational": True, "paused": True}) == "paused"
    assert state_of({"operational": True, "ready": True}) == "idle"
    assert state_of({"closedOrError": True}) == "offline"
    assert state_of({}) is None


def test_a_file_belongs_to_its_model() -> None:
    assert is_same_model("dragon.stl", "Dragon_0.2mm_PLA.gcode")
    assert is_same_model("dragon.stl", "dragon.gcode")
    assert not is_same_model("dragon.stl", "dragonfly.gcode")
    assert not is_same_model("dragon.stl", "vase.gcode")


def test_sealed_credentials_open_only_with_their_secret() -> None:
    sealed = CredentialVault("one").seal({"api_key": "k"})
    assert sealed is not None
    assert "k" not in sealed or "api_key" not in sealed
    assert CredentialVault("one").unseal(sealed) == {"api_key": "k"}
    assert CredentialVault("two").unseal(sealed) == {}
