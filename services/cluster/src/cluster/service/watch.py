"""What this replica hears of the mesh: beacons, samples, machines; and how long ago."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from nats.aio.msg import Msg
from pydantic import ValidationError

from cluster.judging import Facts, Thresholds, restart_shown_s
from cluster.roster import Instance, Roster
from common.bus import Bus, Event
from common.schemas.mesh import BEACON_SUBJECT, Beacon, HostSample

_KEPT_SAMPLES: Final = 4
# A host is shown for three of its intervals after its last sample, at least for so long.
_SHOWN_S: Final = 30.0
_MOST_NODES: Final = 1_000
_MOST_MACHINES: Final = 10_000


class Watch:
    """Listens; what it knows is in memory only, and complete after a few seconds."""

    def __init__(self, bus: Bus, *, silence_s: float) -> None:
        self._bus = bus
        self._silence_s = silence_s
        self._heard_since = time.monotonic()
        self._was_up = False
        self._samples: dict[str, deque[HostSample]] = {}
        self._machines: dict[str, str] = {}
        self.sampling_s = 10
        self.roster = Roster(silence_s)
        self.stale_tuning = asyncio.Event()
        self.tuning_version = 0

    async def run(self) -> None:
        """Listen to beacons for as long as the service runs."""
        await self._bus.wait_connected()
        await self._bus.client.subscribe(f"{BEACON_SUBJECT}.>", cb=self._on_beacon)
        self._heard_since = time.monotonic()
        await asyncio.Event().wait()

    async def _on_beacon(self, message: Msg) -> None:
        with suppress(ValidationError):
            beacon = Beacon.model_validate_json(message.data)
            self.roster.hear(beacon, now_s=time.monotonic())
            if beacon.tuning_version < self.tuning_version:
                self.stale_tuning.set()

    def expect(self, services: Sequence[str]) -> None:
        """Miss these too, though they were never heard by us."""
        for name in services:
            self.roster.known.setdefault(name, self._heard_since)

    def look(self) -> None:
        """Notice who fell silent; silence says nothing while the bus is down."""
        now = time.monotonic()
        is_up = self._bus.is_connected
        if not is_up or not self._was_up:
            self._heard_since = now
        self._was_up = is_up
        self.roster.miss(now_s=now, heard_since_s=self._heard_since)

    def sampled(self, sample: HostSample) -> None:
        """Note a host's load."""
        if sample.node not in self._samples and len(self._samples) >= _MOST_NODES:
            return
        kept = self._samples.setdefault(sample.node, deque(maxlen=_KEPT_SAMPLES))
        if not kept or sample.timestamp > kept[-1].timestamp:
            kept.append(sample)

    def machine_told(self, event: Event) -> None:
        """Note a vision node that went offline or came back."""
        data = event.data.get("data")
        machine_id = str(event.data.get("machine_id") or "")
        status = data.get("status") if isinstance(data, dict) else None
        if not machine_id or not isinstance(status, str):
            return
        if status != "offline":
            self._machines.pop(machine_id, None)
        elif len(self._machines) < _MOST_MACHINES:
            self._machines[machine_id] = machine_id

    def machines_are(self, offline: Sequence[tuple[str, str]]) -> None:
        """Take over which vision nodes the orchestrator holds for offline, with their names."""
        self._machines = dict(offline[:_MOST_MACHINES])

    @property
    def nodes(self) -> list[HostSample]:
        """The newest sample of every host that is heard, by name."""
        shown_s = max(_SHOWN_S, 3.0 * self.sampling_s)
        now = time.time()
        newest = [kept[-1] for kept in self._samples.values() if kept]
        fresh = [one for one in newest if now - one.timestamp.timestamp() < shown_s]
        return sorted(fresh, key=lambda one: one.node)

    def live(self, service: str | None = None) -> list[Instance]:
        """Processes that are heard."""
        return self.roster.live(service)

    def facts(
        self, thresholds: Thresholds, *, has_database: bool, open_causes: frozenset[str]
    ) -> Facts:
        """What is known now; who is missing is not known while the bus is down."""
        now = time.monotonic()
        is_bus_up = self._bus.is_connected
        can_tell = is_bus_up and now - self._heard_since > self._silence_s
        fresh = {sample.node for sample in self.nodes}
        return Facts(
            is_bus_up=is_bus_up,
            instances=self.roster.live(),
            absences=self.roster.absences(now_s=now, restart_shown_s=restart_shown_s())
            if can_tell
            else [],
            samples={node: list(kept) for node, kept in self._samples.items() if node in fresh},
            thresholds=thresholds,
            offline_workers=dict(self._machines),
            has_database=has_database,
            open_causes=open_causes,
        )

    @property
    def can_tell(self) -> bool:
        """True once we have listened long enough to know who is missing."""
        since_s = time.monotonic() - self._heard_since
        return self._bus.is_connected and since_s > self._silence_s
