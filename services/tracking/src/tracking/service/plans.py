"""What frames are judged by: zones, rules, badges and calendar, read anew when they change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from common.pool import Connection
from tracking.floor.advance import areas_of
from tracking.floor.alarms import AlarmRule, Limits
from tracking.floor.calendar import Calendar
from tracking.floor.following import Outlook
from tracking.floor.geometry import Polygon
from tracking.floor.observations import Identities, Rules, Seconds, Zone
from tracking.floor.timeline import Stretched
from tracking.repository.intake import Place, moment
from tracking.schemas.rules import AlertRules, RuleSet, Schedule
from tracking.service.rulebook import calendar_of

_ZONES: Final = """
SELECT zone_id, camera_id, name, polygon_coords, min_workers, max_workers
FROM tracking.zones WHERE active
"""
_WORKERS: Final = "SELECT worker_id, name, badge_id, active FROM tracking.workers"
_BOOK: Final = "SELECT schedule, alert_rules, revision FROM tracking.rulebook WHERE id = 1"
_MOST_PLACES: Final = 10_000


@dataclass(frozen=True)
class Plan:
    """The floor as it is in force."""

    revision: int
    calendar: Calendar
    rules: AlertRules
    workers: Mapping[str, str]
    zone_names: Mapping[str, str]
    limits: Mapping[str, Limits]
    outlooks: Mapping[str, Outlook]
    nowhere: Outlook
    _places: dict[str, Place] = field(default_factory=dict)

    def outlook(self, camera_id: str) -> Outlook:
        """What this camera's frames are judged by."""
        return self.outlooks.get(camera_id, self.nowhere)

    def places_of(self, sessions: Mapping[str, Stretched]) -> dict[str, Place]:
        """Index and shift in which each session began."""
        return {key: self._place_of(key, one.session.entry_s) for key, one in sessions.items()}

    def _place_of(self, key: str, entry_s: Seconds) -> Place:
        place = self._places.get(key)
        if place is None:
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            began = moment(entry_s)
            index = self.calendar.index_at(began)
            number = index.number if index is not None else None
            place = self._places[key] = Place(number, self.calendar.shift_at(began))
        return place


class Plans:
    """Keeps the newest plan that this process has read."""

    def __init__(self, timezone: str) -> None:
        self._timezone = timezone
        self._plan: Plan | None = None

    @property
    def known(self) -> Plan | None:
        """The newest plan that was read, without asking."""
        return self._plan

    async def at(self, connection: Connection, revision: int) -> Plan:
        """The plan of this revision or a newer one."""
        if self._plan is None or self._plan.revision < revision:
            self._plan = await self._read(connection)
        return self._plan

    async def newest(self, connection: Connection) -> Plan:
        """The plan in force."""
        statement = "SELECT revision FROM tracking.rulebook WHERE id = 1"
        return await self.at(connection, int(await connection.fetchval(statement)))

    async def _read(self, connection: Connection) -> Plan:
        book = await connection.fetchrow(_BOOK)
        zones = await connection.fetch(_ZONES)
        people = await connection.fetch(_WORKERS)
        assert book is not None
        schedule = {"timezone": self._timezone, **orjson.loads(book["schedule"])}
        calendar = calendar_of(Schedule.model_validate(schedule))
        rules = AlertRules.model_validate(orjson.loads(book["alert_rules"]))
        badges = {
            one["badge_id"]: one["worker_id"] for one in people if one["badge_id"] and one["active"]
        }
        outlook = _maker(rules, Identities(badges), calendar)
        by_camera: dict[str, list[Any]] = {}
        for zone in zones:
            by_camera.setdefault(zone["camera_id"], []).append(zone)
        return Plan(
            revision=book["revision"],
            calendar=calendar,
            rules=rules,
            workers={one["worker_id"]: one["name"] for one in people},
            zone_names={zone["zone_id"]: zone["name"] for zone in zones},
            limits={zone["zone_id"]: _limits(zone) for zone in zones},
            outlooks={camera_id: outlook(rows) for camera_id, rows in by_camera.items()},
            nowhere=outlook([]),
        )


def _limits(zone: Any) -> Limits:
    return Limits(zone["min_workers"], zone["max_workers"])


def _maker(
    rules: AlertRules, identities: Identities, calendar: Calendar
) -> Callable[[list[Any]], Outlook]:
    times = Rules(
        entry_hold_s=rules.entry_hold_seconds,
        exit_hold_s=rules.exit_hold_seconds,
        border_margin_px=rules.border_margin_px,
        idle_motion=rules.idle_motion,
        idle_after_s=rules.idle_after_seconds,
        stitch_s=rules.stitch_seconds,
        session_timeout_s=rules.session_timeout_seconds,
    )
    alarm_rules = _alarm_rules(rules.rules)

    def make(rows: list[Any]) -> Outlook:
        zones = [Zone(row["zone_id"], _polygon(row["polygon_coords"])) for row in rows]
        return Outlook(
            areas=areas_of(zones, times),
            rules=times,
            identities=identities,
            limits={row["zone_id"]: _limits(row) for row in rows},
            alarm_rules=alarm_rules,
            is_working=WorkingTime(calendar),
        )

    return make


def _polygon(text: str) -> Polygon:
    return Polygon(tuple((x, y) for x, y in orjson.loads(text)))


def _alarm_rules(rules: RuleSet) -> dict[str, AlarmRule]:
    working = {
        "zone_empty": rules.zone_empty.working_time_only,
        "understaffed": rules.understaffed.working_time_only,
    }
    timed = {
        "idle_threshold": rules.idle_threshold,
        "excessive_idle": rules.excessive_idle,
        "zone_empty": rules.zone_empty,
        "understaffed": rules.understaffed,
        "overcrowded": rules.overcrowded,
    }
    return {
        name: AlarmRule(rule.seconds, working.get(name, False))
        for name, rule in timed.items()
        if rule.enabled
    }


class WorkingTime:
    """Whether a frame's time is working time; asked for each frame, so the last answer is kept."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._known = (0.0, 0.0, False)

    def __call__(self, time_s: Seconds) -> bool:
        """True within the schedule."""
        start_s, end_s, is_working = self._known
        if not start_s <= time_s < end_s:
            is_working, until = self._calendar.working_until(moment(time_s))
            self._known = (time_s, until.timestamp(), is_working)
        return is_working
