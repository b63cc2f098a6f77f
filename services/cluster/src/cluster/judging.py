"""What is wrong, and what is only its consequence. Pure: facts in, findings out (chapter 9).

A cause explains others: while PostgreSQL is down nobody needs to be told that six services cannot
reach it, and while the orchestrator is away its machines are not offline, only unheard.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from cluster.roster import Absence, Instance
from common.schemas.mesh import HostSample

Severity = Literal["info", "warning", "critical"]
NAMES: Final[Mapping[str, str]] = {"postgresql": "PostgreSQL", "nats": "NATS"}
_RESTART_SHOWN_S: Final = 10.0
_HYSTERESIS: Final = 2.0
# Who must answer for a vision node's heartbeat to be heard.
_ON_THE_WAY: Final = ("dependency/nats", "dependency/postgresql", "service/gateway",
                      "service/orchestrator")  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """Something that is wrong now; `cause` is what makes two findings the same."""

    cause: str
    severity: Severity
    component: str
    message: str
    affected: tuple[str, ...] = ()


@dataclass(frozen=True)
class Thresholds:
    """From which load on a host is in trouble; percent."""

    cpu_percent: float
    memory_percent: float
    disk_percent: float


@dataclass(frozen=True)
class Facts:
    """What is known at one moment."""

    is_bus_up: bool
    instances: Sequence[Instance]
    absences: Sequence[Absence]
    samples: Mapping[str, Sequence[HostSample]]
    thresholds: Thresholds
    offline_workers: Mapping[str, str] = field(default_factory=dict)
    has_database: bool = True
    open_causes: frozenset[str] = frozenset()


def judge(facts: Facts) -> dict[str, Finding]:
    """What is wrong, each cause once, without what another one explains."""
    found: list[Finding] = [*_dependencies(facts), *_hosts_over(facts)]
    found += _services(facts.absences, live_nodes={i.beacon.node for i in facts.instances})
    found += _workers(facts.offline_workers)
    return explain({one.cause: one for one in found})


def _dependencies(facts: Facts) -> Iterable[Finding]:
    if not facts.is_bus_up:
        names = ", ".join(sorted({one.service for one in facts.instances}))
        yield Finding(
            "dependency/nats", "critical", "nats",
            "NATS does not answer: no events, no telemetry, and nobody can be heard",
            tuple(names.split(", ")) if names else (),
        )  # fmt: skip
    troubled: dict[str, set[str]] = {}
    for one in facts.instances:
        for name in one.troubles:
            troubled.setdefault(name, set()).add(one.service)
    if not facts.has_database:
        troubled.setdefault("postgresql", set()).add("cluster")
    for name, services in sorted(troubled.items()):
        if name == "nats":
            continue
        shown = NAMES.get(name, name)
        listed = ", ".join(sorted(services))
        everyone = {one.service for one in facts.instances if name in one.beacon.checks}
        is_everywhere = services >= everyone or len(services) > 1
        text = (
            f"{shown} does not answer: {listed} cannot work without it"
            if is_everywhere
            else f"{listed} does not reach {shown}"
        )
        severity: Severity = "critical" if is_everywhere else "warning"
        yield Finding(f"dependency/{name}", severity, name, text, tuple(sorted(services)))


def _services(absences: Sequence[Absence], *, live_nodes: set[str]) -> Iterable[Finding]:
    missing = [one for one in absences if not one.live and not one.was_stopped]
    for node in sorted({node for one in missing for node in one.nodes} - live_nodes):
        there = tuple(one.service for one in absences if one.nodes == (node,))
        if len(there) > 1:
            text = f"Host {node} has vanished, and with it {', '.join(there)}"
            yield Finding(f"node/{node}", "critical", f"host:{node}", text, there)
    for one in absences:
        yield _service(one)


def _service(absence: Absence) -> Finding:
    name = absence.service
    cause, component = f"service/{name}", f"service:{name}"
    if not absence.live:
        if absence.was_stopped:
            return Finding(cause, "warning", component, f"{name} was stopped; none of it runs now")
        return Finding(cause, "critical", component, f"{name} has vanished; none of it runs now")
    if absence.lost:
        text = f"{name} has lost {absence.lost} of {absence.lost + absence.live} processes"
        return Finding(cause, "warning", component, text)
    times = "once" if absence.restarts == 1 else f"{absence.restarts} times"
    text = f"{name} ended unexpectedly and was started again ({times} lately)"
    return Finding(cause, "warning", component, text)


def _hosts_over(facts: Facts) -> Iterable[Finding]:
    for node, samples in sorted(facts.samples.items()):
        if not samples:
            continue
        for metric, shown, least in (
            ("cpu_percent", "Processor", 3),
            ("memory_percent", "Memory", 1),
            ("disk_percent", "Disk", 1),
        ):
            limit = float(getattr(facts.thresholds, metric))
            cause = f"host/{node}/{metric}"
            values = [float(getattr(sample, metric)) for sample in samples[-least:]]
            # Once raised it stays until the load is clearly below.
            bound = limit - _HYSTERESIS if cause in facts.open_causes else limit
            if len(values) == least and min(values) >= bound:
                severity: Severity = "critical" if metric == "disk_percent" else "warning"
                text = f"{shown} of {node} at {values[-1]:.0f} % (limit {limit:g} %)"
                yield Finding(cause, severity, f"host:{node}", text)


def _workers(offline: Mapping[str, str]) -> Iterable[Finding]:
    for worker_id, name in sorted(offline.items()):
        text = f"Worker {name} is offline"
        yield Finding(f"worker/{worker_id}", "warning", f"worker:{worker_id}", text)


def explain(findings: Mapping[str, Finding]) -> dict[str, Finding]:
    """The findings without those that another one explains; that one names them."""
    kept = dict(findings)
    vanished = {
        service: cause
        for cause, finding in findings.items()
        if cause.startswith("node/")
        for service in finding.affected
    }
    for cause in findings:
        root = _root_of(cause, findings, vanished)
        if root is not None and root in kept and root != cause:
            hidden = kept.pop(cause)
            names = dict.fromkeys((*kept[root].affected, hidden.component))
            kept[root] = replace(kept[root], affected=tuple(names))
    return kept


def _root_of(
    cause: str, findings: Mapping[str, Finding], vanished: Mapping[str, str]
) -> str | None:
    kind, _, name = cause.partition("/")
    if kind == "worker":
        return next((root for root in _ON_THE_WAY if root in findings), None)
    if kind == "service":
        return vanished.get(name)
    return None


def restart_shown_s() -> float:
    """How long a restart that nobody asked for is shown as trouble."""
    return _RESTART_SHOWN_S
