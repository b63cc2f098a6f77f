"""The rows of one group, as COPY's text or as columns, and what they change beside."""

from datetime import datetime, timedelta
from typing import Any, Final

from devices.store.directory import Directory
from devices.store.submission import Submission

_HOUR: Final = timedelta(hours=1)


class Rows:
    """The rows of one group, and what they change beside."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.rows: list[tuple[int, int, int, int, datetime, str]] = []
        self.lines: list[str] = []
        # By series: first time, last time, last value, its unit.
        self.seen: dict[int, tuple[datetime, datetime, str, int]] = {}
        self.hours: set[tuple[int, datetime]] = set()

    def add(self, submission: Submission, *, for_copy: bool) -> None:
        """Add all readings of a submission."""
        directory, device_id = self._directory, submission.device_id
        entries = {metric: directory.series((device_id, metric)) for metric in submission.metrics}
        units = {unit: directory.unit(unit) for unit in submission.units}
        marked: dict[int, datetime] = {}
        hour_start, hour_end, hour = submission.received_at, submission.received_at, ""
        for metric, value, unit, timestamp, quality in submission.readings:
            entry = entries[metric]
            assert entry is not None
            series_id, unit_id = entry[0], units[unit]
            if not hour_start <= timestamp < hour_end:
                hour_start = timestamp.replace(minute=0, second=0, microsecond=0)
                hour_end = hour_start + _HOUR
                hour = f"{hour_start:%Y-%m-%d %H}"
            # Hashing a time costs more than all else here: once an hour and series is enough.
            if marked.get(series_id) is not hour_start:
                marked[series_id] = hour_start
                self.hours.add((series_id, hour_start))
            self._see(series_id, timestamp, value=value, unit_id=unit_id)
            if for_copy:
                self.lines.append(
                    f"{series_id}\t{unit_id}\t{entry[1]}\t{quality}\t{hour}:{timestamp.minute}:"
                    f"{timestamp.second}.{timestamp.microsecond:06}+00\t{value}\n"
                )
            else:
                self.rows.append((series_id, unit_id, entry[1], quality, timestamp, value))

    def _see(self, series_id: int, timestamp: datetime, *, value: str, unit_id: int) -> None:
        known = self.seen.get(series_id)
        if known is None:
            self.seen[series_id] = (timestamp, timestamp, value, unit_id)
        elif timestamp >= known[1]:
            self.seen[series_id] = (known[0], timestamp, value, unit_id)
        elif timestamp < known[0]:
            self.seen[series_id] = (timestamp, known[1], known[2], known[3])

    def columns(self) -> list[list[Any]]:
        """The rows turned, for `unnest`."""
        if not self.rows:
            return [[] for _ in range(6)]
        return [list(column) for column in zip(*self.rows, strict=True)]

    def changes(self) -> list[list[Any]]:
        """What the rows change beside, but for the sightings."""
        seen = sorted(self.seen.items())
        return [
            [series_id for series_id, _ in seen],
            [first_at for _, (first_at, _, _, _) in seen],
            [last_at for _, (_, last_at, _, _) in seen],
            [value for _, (_, _, value, _) in seen],
            [unit_id for _, (_, _, _, unit_id) in seen],
            [series_id for series_id, _ in self.hours],
            [hour for _, hour in self.hours],
        ]
