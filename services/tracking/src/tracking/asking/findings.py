"""What the facts say: against the usual, why, and what may help. No word of it is invented."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

CauseKind = Literal["idle", "fewer_people", "unseen", "anomalies", "none"]
# Differences below these are those of any other day.
_IDLE_MINUTES = 5.0
_PEOPLE = 1
_UNSEEN_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason, with the facts that speak for it."""

    kind: CauseKind
    facts: dict[str, Any]


def figures_of(active_s: float, idle_s: float, unseen_s: float, **more: Any) -> dict[str, Any]:
    """Seconds as a source shows them: every form in which an answer may say them."""
    seen_s = active_s + idle_s
    whole_s = seen_s + unseen_s
    share = round(active_s / seen_s, 3) if seen_s > 0 else None
    return {
        **more,
        "active_seconds": round(active_s, 3),
        "idle_seconds": round(idle_s, 3),
        "unseen_seconds": round(unseen_s, 3),
        "active_hours": round(active_s / 3600, 2),
        "idle_minutes": round(idle_s / 60, 1),
        "unseen_minutes": round(unseen_s / 60, 1),
        "productivity": share,
        "productivity_percent": percent(share),
        "unseen_percent": percent(unseen_s / whole_s) if whole_s > 0 else None,
    }


def percent(share: float | None) -> float | None:
    """A share of one as percent, to a tenth."""
    return None if share is None else round(share * 100, 1)


def causes_of(
    now: dict[str, Any], usual: dict[str, Any] | None, anomalies: Sequence[dict[str, Any]]
) -> list[Cause]:
    """Why a time was as it was, the weightiest first."""
    causes = []
    if usual is not None:
        more_idle = round(now["idle_minutes"] - usual["idle_minutes"], 1)
        if more_idle >= _IDLE_MINUTES:
            causes.append(Cause("idle", {"more_idle_minutes": more_idle}))
        if usual["people"] - now["people"] >= _PEOPLE:
            causes.append(Cause("fewer_people", {}))
    if anomalies:
        causes.append(Cause("anomalies", {}))
    if (now.get("unseen_percent") or 0.0) >= 100 * _UNSEEN_SHARE:
        causes.append(Cause("unseen", {}))
    return causes or [Cause("none", {})]
