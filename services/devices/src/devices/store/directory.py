"""Names to ids: a device's metrics to series, symbols to units; kept in memory, bounded."""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

import asyncpg

from common.errors import ServiceError
from common.pool import Connection
from devices.settings import Settings

_MOST_KNOWN: Final = 500_000
NO_UNIT: Final = 1
SeriesKey = tuple[int, str]


class TooManyMetrics(ServiceError):
    """The device has as many different metrics as it may have."""

    status = 400
    code = "VALIDATION_ERROR"
    message = "This device has too many different metrics."


class SeriesEntry(NamedTuple):
    """A series as the writer needs it."""

    id: int
    kept_days: int


class Directory:
    """Series and units by name. A series of a deleted device is found out at the commit."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._series: dict[SeriesKey, SeriesEntry] = {}
        self._units: dict[str, int] = {"": NO_UNIT}

    def series(self, key: SeriesKey) -> SeriesEntry | None:
        """The series, when it is known."""
        return self._series.get(key)

    def unit(self, symbol: str) -> int:
        """The id of a unit that `learn` has been told of."""
        return self._units[symbol]

    def forget_device(self, device_id: int) -> None:
        """The device is gone."""
        for key in [key for key in self._series if key[0] == device_id]:
            del self._series[key]

    def forget(self) -> None:
        """Ask the database anew for every series."""
        self._series.clear()

    async def learn(
        self, connection: Connection, *, keys: Iterable[SeriesKey], symbols: Iterable[str]
    ) -> dict[int, ServiceError]:
        """Look up, or make, what is not known yet; outside of a transaction.

        Returns:
            By device, why its readings cannot be taken.
        """
        if unknown := {symbol for symbol in symbols if symbol not in self._units}:
            await self._learn_units(connection, unknown)
        missing = {key for key in keys if key not in self._series}
        if not missing:
            return {}
        if len(self._series) > _MOST_KNOWN:
            self._series.clear()
        await self._find(connection, missing)
        missing = {key for key in missing if key not in self._series}
        if not missing:
            return {}
        return await self._make(connection, missing)

    async def _learn_units(self, connection: Connection, symbols: Collection[str]) -> None:
        await connection.execute(
            "INSERT INTO devices.unit (symbol) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING",
            sorted(symbols),
        )
        rows = await connection.fetch(
            "SELECT id, symbol FROM devices.unit WHERE symbol = ANY($1)", list(symbols)
        )
        self._units.update((row["symbol"], row["id"]) for row in rows)

    async def _find(self, connection: Connection, keys: Collection[SeriesKey]) -> None:
        rows = await connection.fetch(
            """
            SELECT id, device_id, metric, kept_days FROM devices.series
            JOIN unnest($1::int[], $2::text[]) AS wanted (device_id, metric)
                USING (device_id, metric)
            """,
            [device_id for device_id, _ in keys],
            [metric for _, metric in keys],
        )
        for row in rows:
            entry = SeriesEntry(row["id"], row["kept_days"])
            self._series[row["device_id"], row["metric"]] = entry

    async def _make(
        self, connection: Connection, keys: Collection[SeriesKey]
    ) -> dict[int, ServiceError]:
        counts = await connection.fetch(
            "SELECT device_id, count(*) FROM devices.series WHERE device_id = ANY($1) GROUP BY 1",
            list({device_id for device_id, _ in keys}),
        )
        room = {
            row["device_id"]: self._settings.metrics_per_device - row["count"] for row in counts
        }
        refused: dict[int, ServiceError] = {}
        wanted: dict[int, list[str]] = {}
        for device_id, metric in sorted(keys):
            wanted.setdefault(device_id, []).append(metric)
        for device_id, metrics in wanted.items():
            if len(metrics) > room.get(device_id, self._settings.metrics_per_device):
                refused[device_id] = TooManyMetrics()
        chosen = sorted(key for key in keys if key[0] not in refused)
        await self._insert(connection, chosen)
        await self._find(connection, chosen)
        return refused

    async def _insert(self, connection: Connection, keys: list[SeriesKey]) -> None:
        for attempt in range(2):
            try:
                await connection.execute(
                    """
                    INSERT INTO devices.series (device_id, metric, kept_days)
                    SELECT w.device_id, w.metric, w.kept_days
                    FROM unnest($1::int[], $2::text[], $3::smallint[])
                        AS w (device_id, metric, kept_days)
                    JOIN devices.device d ON d.id = w.device_id
                    ORDER BY 1, 2
                    ON CONFLICT DO NOTHING
                    """,
                    [device_id for device_id, _ in keys],
                    [metric for _, metric in keys],
                    [self._settings.kept_days_of(metric) for _, metric in keys],
                )
            except asyncpg.ForeignKeyViolationError:
                # A device was deleted between the join and the insert; the join tells next time.
                if attempt:
                    raise
            else:
                return
