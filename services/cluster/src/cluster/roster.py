"""Who is there: every process of the mesh by its beacons. Pure: the time is passed in."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from common.schemas.mesh import Beacon

_FORGET_S: Final = 600.0
_MOST_INSTANCES: Final = 2_000


@dataclass
class Instance:
    """One process, as its last beacon told; `heard_s` is on the watcher's own clock."""

    beacon: Beacon
    heard_s: float
    has_left: bool = False
    is_lost: bool = False

    @property
    def service(self) -> str:
        """The service that it is a replica of."""
        return self.beacon.service

    @property
    def is_live(self) -> bool:
        """True while it is heard."""
        return not (self.has_left or self.is_lost)

    @property
    def troubles(self) -> list[str]:
        """What it needs and does not reach."""
        return sorted(name for name, answer in self.beacon.checks.items() if answer != "healthy")


@dataclass(frozen=True)
class Absence:
    """A service that misses a process."""

    service: str
    nodes: tuple[str, ...]
    live: int
    lost: int
    restarts: int
    was_stopped: bool
    since_s: float


@dataclass
class Roster:
    """Every process that was heard lately."""

    silence_s: float
    known: dict[str, float] = field(default_factory=dict)
    _instances: dict[str, Instance] = field(default_factory=dict)
    _restarts: dict[str, list[float]] = field(default_factory=dict)

    def hear(self, beacon: Beacon, *, now_s: float) -> None:
        """Note a sign of life, or a goodbye."""
        if len(self._instances) >= _MOST_INSTANCES and beacon.instance not in self._instances:
            return
        self.known[beacon.service] = now_s
        self._instances[beacon.instance] = Instance(beacon, now_s, has_left=beacon.is_leaving)

    def miss(self, *, now_s: float, heard_since_s: float) -> None:
        """Declare silent processes lost; those that were replaced count as restarts.

        Args:
            now_s: the watcher's clock.
            heard_since_s: since when we hear at all: silence before that says nothing.
        """
        for name, one in list(self._instances.items()):
            silent_s = now_s - max(one.heard_s, heard_since_s)
            if one.is_live and silent_s > self.silence_s:
                one.is_lost = True
            if not one.is_live and now_s - one.heard_s > _FORGET_S:
                del self._instances[name]
        for one in [one for one in self._instances.values() if one.is_lost]:
            if self._successor_of(one) is not None:
                del self._instances[one.beacon.instance]
                self._restarts.setdefault(one.service, []).append(now_s)
        for service, moments in self._restarts.items():
            self._restarts[service] = [at for at in moments if now_s - at < _FORGET_S]

    def _successor_of(self, lost: Instance) -> Instance | None:
        began = lost.beacon.started_at
        for other in self._instances.values():
            if (
                other.is_live
                and other.service == lost.service
                and other.beacon.node == lost.beacon.node
                and other.beacon.started_at > began
            ):
                return other
        return None

    @property
    def instances(self) -> Iterable[Instance]:
        """Every process, the lost ones too."""
        return self._instances.values()

    def live(self, service: str | None = None) -> list[Instance]:
        """The processes that are heard, of one service or of all."""
        return [
            one
            for one in self._instances.values()
            if one.is_live and service in (None, one.service)
        ]

    @property
    def services(self) -> list[str]:
        """Every service that was ever heard, by name."""
        return sorted(self.known)

    def restarts(self, service: str, *, within_s: float, now_s: float) -> int:
        """How often the service came back by itself lately."""
        return sum(now_s - at < within_s for at in self._restarts.get(service, ()))

    def absences(self, *, now_s: float, restart_shown_s: float) -> list[Absence]:
        """Every service that lacks a process, or lacked one a moment ago."""
        found = []
        for service in self.services:
            mine = [one for one in self._instances.values() if one.service == service]
            live = [one for one in mine if one.is_live]
            lost = [one for one in mine if one.is_lost]
            gone_s = now_s - self.known[service]
            is_away = not live and gone_s > self.silence_s
            restarts = self.restarts(service, within_s=restart_shown_s, now_s=now_s)
            if lost or is_away or restarts:
                found.append(
                    Absence(
                        service=service,
                        nodes=tuple(sorted({one.beacon.node for one in lost})),
                        live=len(live),
                        lost=len(lost),
                        restarts=restarts,
                        was_stopped=is_away and not lost and bool(mine),
                        since_s=self.known[service],
                    )
                )
        return found
