"""What an alarm says, and what it is kept as."""

from typing import Final

from tracking.floor.alarms import Alarm
from tracking.repository.alarms import Finding
from tracking.repository.intake import moment
from tracking.schemas.rules import RuleSet
from tracking.service.plans import Plan


def finding_of(alarm: Alarm, plan: Plan, camera_id: str) -> Finding:
    """An alarm as a row."""
    return Finding(
        cause=alarm.cause,
        kind=alarm.rule,
        severity=severity_of(plan.rules.rules, alarm.rule),
        message=message_of(alarm, plan),
        at=moment(alarm.time_s),
        camera_id=camera_id,
        zone_id=alarm.zone_id or None,
        worker_id=alarm.worker,
        session_id=alarm.session_key,
        has_anomaly=alarm.rule != "idle_threshold",
    )


def severity_of(rules: RuleSet, rule: str) -> str:
    """The severity of a rule's alert."""
    return str(getattr(rules, rule).severity)


def message_of(alarm: Alarm, plan: Plan) -> str:
    """One English sentence."""
    zone = f"zone {alarm.zone_id}"
    limits = plan.limits.get(alarm.zone_id)
    span = duration(alarm.held_s)
    least, most = (limits.min_workers, limits.max_workers) if limits else (0, 0)
    texts: Final = {
        "idle_threshold": f"Worker {alarm.worker} idle for {round(alarm.held_s)} seconds in {zone}",
        "excessive_idle": f"Worker {alarm.worker} idle for {round(alarm.held_s)} seconds in {zone}",
        "zone_empty": f"Critical {zone} has no workers for {span}",
        "understaffed": f"Zone {alarm.zone_id} has {alarm.count} of at least {least} workers "
        f"for {span}",
        "overcrowded": f"Zone {alarm.zone_id} has {alarm.count} of at most {most} workers "
        f"for {span}",
    }
    return texts[alarm.rule]


def duration(seconds: float) -> str:
    """Seconds below two minutes, minutes above."""
    return f"{round(seconds)} seconds" if seconds < 120 else f"{round(seconds / 60)} minutes"
