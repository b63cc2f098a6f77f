"""The rows of one group, as COPY's text or as columns, and what they change beside."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from devices.batch import Batch
from devices.store.directory import Directory, SeriesEntry
from devices.store.submission import Submission

_COLUMNS: Final = 6
_MOST_SIGHTINGS: Final = 16


class Rows:
    """The rows of one group, and what they change beside."""

    def __init__(
        self, directory: Directory, group: Sequence[Submission], *, for_copy: bool
    ) -> None:
        """Take in submissions of which the directory knows every series and unit."""
        self._directory = directory
        self.text: list[str] = []
        self.columns: list[list[Any]] = [[] for _ in range(_COLUMNS)]
        # By series: first time, last time, last value, its unit.
        self._seen: dict[int, tuple[datetime, datetime, str, int]] = {}
        self._hours: dict[datetime, set[int]] = {}
        self._sightings: dict[int, set[datetime]] = {}
        add = self._add_text if for_copy else self._add_columns
        for submission in group:
            self._sightings.setdefault(submission.device_id, set()).update(submission.sightings())
            batch = submission.readings
            if not batch:
                continue
            series = self._series_of(submission)
            units = {unit: directory.unit(unit) for unit in submission.units}
            add(batch, batch.written_times(), series=series, units=units)
            self._change(batch, series, units)

    def _series_of(self, submission: Submission) -> dict[str, SeriesEntry]:
        found: dict[str, SeriesEntry] = {}
        for metric in submission.metrics:
            entry = self._directory.series((submission.device_id, metric))
            assert entry is not None
            found[metric] = entry
        return found

    def _add_text(
        self,
        batch: Batch,
        times: Sequence[str],
        *,
        series: Mapping[str, SeriesEntry],
        units: Mapping[str, int],
    ) -> None:
        heads = {metric: f"{entry.id}\t{entry.kept_days}\t" for metric, entry in series.items()}
        if len(units) == 1 and len(set(batch.qualities)) == 1:
            unit_id, quality = units[batch.units[0]], batch.qualities[0]
            heads = {metric: f"{head}{unit_id}\t{quality}\t" for metric, head in heads.items()}
            self.text += [
                f"{heads[metric]}{time}\t{value}\n"
                for metric, time, value in zip(batch.metrics, times, batch.values, strict=True)
            ]
        else:
            columns = (batch.metrics, batch.units, batch.qualities, times, batch.values)
            self.text += [
                f"{heads[metric]}{units[unit]}\t{quality}\t{time}\t{value}\n"
                for metric, unit, quality, time, value in zip(*columns, strict=True)
            ]

    def _add_columns(
        self,
        batch: Batch,
        times: Sequence[str],
        *,
        series: Mapping[str, SeriesEntry],
        units: Mapping[str, int],
    ) -> None:
        entries = [series[metric] for metric in batch.metrics]
        added: tuple[Sequence[Any], ...] = (
            [entry[0] for entry in entries],
            [entry[1] for entry in entries],
            [units[unit] for unit in batch.units],
            batch.qualities,
            times,
            batch.values,
        )
        for column, more in zip(self.columns, added, strict=True):
            column.extend(more)

    def _change(
        self, batch: Batch, series: Mapping[str, SeriesEntry], units: Mapping[str, int]
    ) -> None:
        for hour, metrics in batch.hours():
            marked = self._hours.setdefault(hour, set())
            marked.update(series[metric].id for metric in metrics)
        for metric, last in batch.last.items():
            series_id, first_at, last_at = (
                series[metric].id,
                batch.times[batch.first[metric]],
                batch.times[last],
            )
            value, unit_id = batch.values[last], units[batch.units[last]]
            if known := self._seen.get(series_id):
                first_at = min(first_at, known[0])
                if last_at < known[1]:
                    _, last_at, value, unit_id = known
            self._seen[series_id] = (first_at, last_at, value, unit_id)

    def changes(self) -> list[list[Any]]:
        """What the rows change beside: series, marked hours and sightings, as columns."""
        seen = sorted(self._seen.items())
        marks = [(series_id, hour) for hour, marked in self._hours.items() for series_id in marked]
        sightings = [
            (device_id, at)
            for device_id, all_at in self._sightings.items()
            for at in sorted(all_at)[-_MOST_SIGHTINGS:]
        ]
        return [
            [series_id for series_id, _ in seen],
            [first_at for _, (first_at, _, _, _) in seen],
            [last_at for _, (_, last_at, _, _) in seen],
            [value for _, (_, _, value, _) in seen],
            [unit_id for _, (_, _, _, unit_id) in seen],
            [series_id for series_id, _ in marks],
            [hour for _, hour in marks],
            [device_id for device_id, _ in sightings],
            [at for _, at in sightings],
        ]
