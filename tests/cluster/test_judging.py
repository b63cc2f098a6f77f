"""What is wrong, what is only its consequence, and when an alert begins and ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cluster.damping import Damper
from cluster.judging import Facts, Finding, Thresholds, judge
from cluster.roster import Roster
from common.schemas.mesh import Beacon, HostSample

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = Thresholds(cpu_percent=90, memory_percent=90, disk_percent=90)


def beacon(service: str, *, node: str = "n1", number: int = 1, **more: Any) -> Beacon:
    return Beacon(
        service=service,
        instance=f"{service}-{number}",
        node=node,
        started_at=START + timedelta(seconds=number),
        **more,
    )


def sample(cpu: float, *, node: str = "n1", at: int = 0) -> HostSample:
    return HostSample(
        node=node,
        timestamp=START + timedelta(seconds=at),
        cpu_percent=cpu,
        memory_percent=10,
        disk_percent=10,
        load_average=[0, 0, 0],
        network_bytes_sent=0,
        network_bytes_recv=0,
    )


def found(roster: Roster, *, now_s: float = 0, **more: Any) -> dict[str, Finding]:
    roster.miss(now_s=now_s, heard_since_s=-100)
    facts = Facts(
        is_bus_up=more.pop("is_bus_up", True),
        instances=roster.live(),
        absences=roster.absences(now_s=now_s, restart_shown_s=10),
        samples=more.pop("samples", {}),
        thresholds=LIMITS,
        **more,
    )
    return judge(facts)


def test_silence_is_a_loss_and_a_goodbye_is_a_stop() -> None:
    roster = Roster(silence_s=5)
    roster.hear(beacon("lathes"), now_s=0)
    roster.hear(beacon("mills"), now_s=0)
    roster.hear(beacon("mills", is_leaving=True), now_s=1)
    assert found(roster, now_s=4) == {}
    late = found(roster, now_s=7)
    assert late["service/lathes"].severity == "critical"
    assert "has vanished" in late["service/lathes"].message
    assert late["service/mills"].severity == "warning"
    assert "was stopped" in late["service/mills"].message


def test_a_process_that_was_replaced_is_a_restart_for_a_while() -> None:
    roster = Roster(silence_s=5)
    roster.hear(beacon("lathes", number=1), now_s=0)
    roster.hear(beacon("lathes", number=2), now_s=4)
    roster.hear(beacon("lathes", number=2), now_s=6)
    told = found(roster, now_s=6)["service/lathes"]
    assert "started again (once lately)" in told.message
    roster.hear(beacon("lathes", number=2), now_s=17)
    assert found(roster, now_s=17) == {}


def test_a_host_that_vanishes_is_one_alert() -> None:
    roster = Roster(silence_s=5)
    for service in ("lathes", "mills", "saws"):
        roster.hear(beacon(service, node="n2"), now_s=0)
    roster.hear(beacon("cluster"), now_s=7)
    told = found(roster, now_s=7)
    assert list(told) == ["node/n2"]
    assert set(told["node/n2"].affected) >= {"lathes", "mills", "saws"}


def test_postgresql_down_is_one_alert_and_explains_silent_machines() -> None:
    roster = Roster(silence_s=5)
    for service in ("lathes", "mills", "saws"):
        checks = {"postgresql": "unhealthy: OSError", "nats": "healthy"}
        roster.hear(beacon(service, checks=checks), now_s=0)
    told = found(roster, has_database=False, offline_workers={"mv_1": "camera 1"})
    assert list(told) == ["dependency/postgresql"]
    assert told["dependency/postgresql"].affected[-1] == "worker:mv_1"


def test_one_service_that_does_not_reach_postgresql_is_its_own_trouble() -> None:
    roster = Roster(silence_s=5)
    roster.hear(beacon("lathes", checks={"postgresql": "unhealthy: x"}), now_s=0)
    roster.hear(beacon("mills", checks={"postgresql": "healthy"}), now_s=0)
    told = found(roster)["dependency/postgresql"]
    assert (told.severity, told.message) == ("warning", "lathes does not reach PostgreSQL")


def test_a_processor_is_over_its_limit_after_three_samples_and_clears_below_it() -> None:
    roster = Roster(silence_s=5)
    cause = "host/n1/cpu_percent"
    assert found(roster, samples={"n1": [sample(20), sample(95), sample(95)]}) == {}
    over = {"n1": [sample(95), sample(91), sample(92)]}
    assert found(roster, samples=over)[cause].component == "host:n1"
    barely = {"n1": [sample(89), sample(89), sample(89)]}
    assert found(roster, samples=barely) == {}
    assert cause in found(roster, samples=barely, open_causes=frozenset({cause}))
    below = {"n1": [sample(89), sample(87), sample(89)]}
    assert found(roster, samples=below, open_causes=frozenset({cause})) == {}


FINDING = Finding("service/lathes", "critical", "service:lathes", "gone")


def test_an_alert_ends_once_its_cause_has_been_gone_for_a_while() -> None:
    damper = Damper(settle_s=4)
    assert [c.kind for c in damper.step({FINDING.cause: FINDING}, now_s=0)] == ["raised"]
    assert damper.step({FINDING.cause: FINDING}, now_s=1) == []
    assert damper.step({}, now_s=4) == []
    assert [c.kind for c in damper.step({}, now_s=5.5)] == ["resolved"]


def test_what_flaps_stays_one_alert() -> None:
    damper = Damper(settle_s=4)
    kinds = []
    for turn in range(20):
        now_s = turn * 10.0
        kinds += [c.kind for c in damper.step({FINDING.cause: FINDING}, now_s=now_s)]
        kinds += [c.kind for c in damper.step({}, now_s=now_s + 5)]
    assert kinds.count("raised") <= 3
    assert [c.kind for c in damper.step({}, now_s=400.0)] == ["resolved"]


@given(st.lists(st.booleans(), max_size=200), st.floats(0, 20))
def test_raised_and_resolved_always_take_turns(presence: list[bool], settle_s: float) -> None:
    damper = Damper(settle_s=settle_s)
    kinds = []
    for now_s, is_present in enumerate(presence):
        findings = {FINDING.cause: FINDING} if is_present else {}
        kinds += [change.kind for change in damper.step(findings, now_s=float(now_s))]
    assert kinds == (["raised", "resolved"] * len(kinds))[: len(kinds)]
