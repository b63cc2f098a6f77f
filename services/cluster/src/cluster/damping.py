"""When a finding becomes an alert and when it ends: no alert for every twitch. Pure.

A cause that comes and goes stays one alert: it ends only once the cause has been gone for a while,
and for longer when it has come back again and again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from cluster.judging import Finding

_FLAPS: Final = 3
_FLAP_WINDOW_S: Final = 300.0
_FLAP_SETTLE_S: Final = 60.0


@dataclass(frozen=True)
class Change:
    """An alert that begins, says something new, or ends."""

    kind: Literal["raised", "updated", "resolved"]
    finding: Finding


@dataclass
class _State:
    finding: Finding
    seen_s: float
    is_present: bool = True


@dataclass
class Damper:
    """Remembers what is open."""

    settle_s: float
    _open: dict[str, _State] = field(default_factory=dict)
    _appearances: dict[str, list[float]] = field(default_factory=dict)

    @property
    def open_causes(self) -> frozenset[str]:
        """Every cause with an open alert."""
        return frozenset(self._open)

    def adopt(self, finding: Finding, *, now_s: float) -> None:
        """Take over an alert that was open before we came."""
        self._open.setdefault(finding.cause, _State(finding, now_s))

    def forget_all(self) -> None:
        """Another replica has taken over."""
        self._open.clear()

    def step(self, findings: Mapping[str, Finding], *, now_s: float) -> list[Change]:
        """What changes, given what is wrong now."""
        changes = [
            change
            for finding in findings.values()
            if (change := self._seen(finding, now_s)) is not None
        ]
        for cause, state in list(self._open.items()):
            if cause in findings:
                continue
            state.is_present = False
            if now_s - state.seen_s >= self._settle_s(cause, now_s):
                del self._open[cause]
                changes.append(Change("resolved", state.finding))
        self._forget_old(now_s)
        return changes

    def _seen(self, finding: Finding, now_s: float) -> Change | None:
        state = self._open.get(finding.cause)
        if state is None:
            self._appearances.setdefault(finding.cause, []).append(now_s)
            self._open[finding.cause] = _State(finding, now_s)
            return Change("raised", finding)
        if not state.is_present:
            self._appearances.setdefault(finding.cause, []).append(now_s)
        state.is_present, state.seen_s = True, now_s
        before, state.finding = state.finding, finding
        is_new = (before.severity, before.affected) != (finding.severity, finding.affected)
        return Change("updated", finding) if is_new else None

    def _settle_s(self, cause: str, now_s: float) -> float:
        moments = self._appearances.get(cause, ())
        recent = sum(now_s - at < _FLAP_WINDOW_S for at in moments)
        return max(self.settle_s, _FLAP_SETTLE_S) if recent >= _FLAPS else self.settle_s

    def _forget_old(self, now_s: float) -> None:
        for cause, moments in list(self._appearances.items()):
            kept = [at for at in moments if now_s - at < _FLAP_WINDOW_S]
            if kept or cause in self._open:
                self._appearances[cause] = kept
            else:
                del self._appearances[cause]
