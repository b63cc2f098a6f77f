"""Times as the document writes them: in the factory's zone, each beside an aware UTC twin."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def local(moment: datetime | None, zone: ZoneInfo) -> str | None:
    """`YYYY-MM-DD HH:MM:SS` in the zone."""
    return None if moment is None else moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def utc(moment: datetime | None) -> str | None:
    """RFC 3339 with `Z`."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def age_s(moment: datetime | None, now: datetime) -> float | None:
    """Seconds since then, never below 0."""
    return None if moment is None else round(max(0.0, (now - moment).total_seconds()), 1)
