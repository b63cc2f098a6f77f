"""Hosts' metrics: taken from the bus, kept with rollups, summed up (chapter 9)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from cluster import metrics
from cluster.repository import samples
from cluster.schemas.shapes import SystemMetrics
from cluster.service.watch import Watch
from common.bus import Event
from common.db import Database
from common.schemas.mesh import HostSample

_RAW_FOR: Final = timedelta(hours=48)
_MINUTES_FOR: Final = timedelta(days=14)
_RAW_UP_TO_MIN: Final = 6 * 60
_MINUTES_UP_TO_MIN: Final = 4 * 24 * 60
_MISSED: Final = timedelta(hours=2)
_ROLLED_BACK: Final = timedelta(minutes=10)


class HostService:
    """Keeps samples and gives them out."""

    def __init__(self, database: Database, watch: Watch) -> None:
        self._database = database
        self._watch = watch
        # What was kept while we were away is summed up at the first turn.
        self._rolled_to = datetime.now(UTC) - _MISSED

    def take(self, sample: HostSample) -> None:
        """Note a sample as the newest of its host."""
        self._watch.sampled(sample)
        metrics.HOST_CPU.labels(sample.node).set(sample.cpu_percent)
        metrics.HOST_MEMORY.labels(sample.node).set(sample.memory_percent)
        metrics.HOST_DISK.labels(sample.node).set(sample.disk_percent)

    async def keep(self, taken: Sequence[HostSample]) -> None:
        """Store samples."""
        rows = [
            {**one.model_dump(mode="python", exclude={"timestamp"}), "at": one.timestamp}
            for one in taken
        ]
        async with self._database.transaction() as session:
            await samples.keep(session, rows)

    async def history(self, *, minutes: int, limit: int, node: str | None) -> list[SystemMetrics]:
        """The last minutes, newest last: samples, or the means of minutes or hours."""
        since = datetime.now(UTC) - timedelta(minutes=minutes)
        async with self._database.transaction() as session:
            rows = await samples.history(
                session, since=since, width_s=_width_for(minutes), node=node, limit=limit
            )
        return [SystemMetrics.model_validate({**row, "timestamp": row["at"]}) for row in rows]

    def now(self) -> list[SystemMetrics]:
        """Every host that is heard, by name."""
        return [SystemMetrics.model_validate(one) for one in self._watch.nodes]

    async def roll_up(self) -> None:
        """Bring the rollups up to date; late samples repair them."""
        now = datetime.now(UTC)
        async with self._database.transaction() as session:
            for width_s in (samples.MINUTE_S, samples.HOUR_S):
                since = min(self._rolled_to, now - _ROLLED_BACK)
                await samples.roll_up(session, width_s=width_s, since=since)
        self._rolled_to = now

    async def forget(self, *, retention_days: int) -> None:
        """Delete what is older than it is kept."""
        now, most = datetime.now(UTC), timedelta(days=retention_days)
        async with self._database.transaction() as session:
            await samples.forget(
                session,
                raw=now - min(_RAW_FOR, most),
                minutes=now - min(_MINUTES_FOR, most),
                hours=now - most,
            )


def _width_for(minutes: int) -> int | None:
    if minutes <= _RAW_UP_TO_MIN:
        return None
    return samples.MINUTE_S if minutes <= _MINUTES_UP_TO_MIN else samples.HOUR_S


def sample_of_machine(event: Event) -> HostSample | None:
    """The host's load as a vision node told it with its heartbeat; None where it says none."""
    data = event.data.get("data")
    info = data.get("system_info") if isinstance(data, dict) else None
    if not isinstance(info, dict) or not isinstance(info.get("host"), str):
        return None
    try:
        return HostSample.model_validate(
            {
                "node": info["host"],
                "timestamp": event.timestamp,
                "cpu_percent": info["cpu_usage"],
                "memory_percent": info["memory_usage"],
                "disk_percent": info["disk_usage"],
                "load_average": info.get("load_average") or [],
                "network_bytes_sent": info.get("network_bytes_sent", 0),
                "network_bytes_recv": info.get("network_bytes_recv", 0),
                "gpu": info.get("gpus"),
            }
        )
    except (KeyError, ValueError):
        return None
