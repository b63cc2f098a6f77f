"""Partitions by time, made before they are needed and dropped when their time is over.

The first level is how many days a metric is kept, the second a month, or a day where it is kept a
month or less: so retention by metric never deletes a row. A leaf is made apart and then attached,
which blocks nobody; its unique index is what makes a repeated reading one reading.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

import asyncpg

from common.pool import Connection

BY_DAY_UP_TO: Final = 31
_LOCK: Final = 0x67656D6264657673  # "gembdevs": one maker or dropper at a time
_LEAF: Final = re.compile(r"kept_(\d+)_(\d{8})")


class Leaf(NamedTuple):
    """One partition: how long its rows are kept, and the first day of its period."""

    kept_days: int
    year: int
    month: int
    day: int

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.month, self.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        if self.kept_days <= BY_DAY_UP_TO:
            return self.start + timedelta(days=1)
        return datetime(self.year + self.month // 12, self.month % 12 + 1, 1, tzinfo=UTC)

    @property
    def name(self) -> str:
        """The table's name."""
        return f"kept_{self.kept_days}_{self.start:%Y%m%d}"

    @classmethod
    def of(cls, kept_days: int, timestamp: date) -> "Leaf":
        """The partition that a reading belongs to."""
        day = timestamp.day if kept_days <= BY_DAY_UP_TO else 1
        return cls(kept_days, timestamp.year, timestamp.month, day)

    @classmethod
    def named(cls, name: str) -> "Leaf | None":
        """The partition with this table name."""
        match = _LEAF.fullmatch(name)
        if match is None:
            return None
        start = datetime.strptime(match[2], "%Y%m%d").replace(tzinfo=UTC)
        return cls(int(match[1]), start.year, start.month, start.day)

    def is_over(self, now: datetime) -> bool:
        """True when even its newest row has been kept long enough."""
        return self.end + timedelta(days=self.kept_days) <= now


class Partitions:
    """Knows which leaves exist, so that the hot path asks nobody."""

    def __init__(self) -> None:
        self._known: set[Leaf] = set()

    async def ensure(self, connection: Connection, leaves: Iterable[Leaf]) -> None:
        """Make those that are missing; call it outside of a transaction."""
        missing = sorted(set(leaves) - self._known)
        if not missing:
            return
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            existing = await _existing(connection)
            for leaf in missing:
                if leaf not in existing:
                    await _make(connection, leaf)
        self._known |= set(missing)

    def forget(self) -> None:
        """Another replica may have dropped what we know; ask again next time."""
        self._known.clear()

    async def drop_over(self, connection: Connection, now: datetime) -> list[str]:
        """Drop what has been kept long enough; the names of what was dropped."""
        dropped = []
        for leaf in sorted(await _existing(connection)):
            if not leaf.is_over(now):
                continue
            parent = f"devices_data.kept_{leaf.kept_days}"
            table = f"devices_data.{leaf.name}"
            # Detaching concurrently lets readers and writers of other partitions go on.
            await connection.execute(f"ALTER TABLE {parent} DETACH PARTITION {table} CONCURRENTLY")
            await connection.execute(f"DROP TABLE {table}")
            dropped.append(leaf.name)
        self.forget()
        return dropped


async def _existing(connection: Connection) -> set[Leaf]:
    rows = await connection.fetch(
        """
        SELECT c.relname FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'devices_data' AND c.relkind = 'r' AND NOT i.inhdetachpending
        """
    )
    return {leaf for row in rows if (leaf := Leaf.named(row["relname"])) is not None}


async def _make(connection: Connection, leaf: Leaf) -> None:
    parent = f"devices_data.kept_{leaf.kept_days}"
    table = f"devices_data.{leaf.name}"
    if not await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", parent):
        await _attach(
            connection,
            f"CREATE TABLE {parent} (LIKE devices.measurement INCLUDING DEFAULTS)"
            " PARTITION BY RANGE (timestamp)",
            f"ALTER TABLE devices.measurement ATTACH PARTITION {parent}"
            f" FOR VALUES IN ({leaf.kept_days})",
        )
    low, high = leaf.start.isoformat(), leaf.end.isoformat()
    await _attach(
        connection,
        f"CREATE TABLE {table} (LIKE devices.measurement INCLUDING DEFAULTS)",
        f"CREATE UNIQUE INDEX ON {table} (series_id, timestamp, value)",
        f"ALTER TABLE {parent} ATTACH PARTITION {table} FOR VALUES FROM ('{low}') TO ('{high}')",
    )


async def _attach(connection: Connection, *statements: str) -> None:
    for statement in statements:
        await connection.execute(statement)


def is_gone(error: asyncpg.PostgresError) -> bool:
    """True when a row found no partition: it was dropped by another replica meanwhile."""
    return isinstance(error, asyncpg.CheckViolationError)


def coming(kept_days: Iterable[int], now: datetime) -> list[Leaf]:
    """The leaves of now and of the time ahead that readings may come with."""
    return [
        Leaf.of(days, now + timedelta(days=ahead)) for days in kept_days for ahead in range(0, 32)
    ]
