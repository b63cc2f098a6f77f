"""The report as a table."""

import os
from collections.abc import Iterator
from typing import Final

from bench.chaos.run import TARGET_S, Outcome, Report
from bench.load.ledger import Verdict

_SHOWN: Final = 5


def lines(report: Report) -> Iterator[str]:
    """The whole report."""
    load = ", ".join(f"{figure:.1f}" for figure in os.getloadavg())
    yield f"{os.cpu_count()} cores, load average {load}"
    yield f"{'fault':32} {'all again, s':>12} {'target':>7} {'':4} slowest kind; answers meanwhile"
    for outcome in report.outcomes:
        yield from _fault(outcome)
    yield ""
    yield f"{'ledger':32} {'promised':>9} {'stored':>9} {'lost':>6} {'doubled':>8}"
    for verdict in report.verdicts:
        yield from _verdict(verdict)
    yield "It holds." if report.holds else "It does not hold."


def _fault(outcome: Outcome) -> Iterator[str]:
    seconds = "never" if outcome.recovery_s is None else f"{outcome.recovery_s:.1f}"
    slowest = max(outcome.felt_s, key=outcome.felt_s.__getitem__) if outcome.felt_s else "–"
    answers = ", ".join(f"{why[:24]} × {times}" for why, times in outcome.refused.most_common(4))
    yield (
        f"{outcome.fault:32} {seconds:>12} {f'<= {TARGET_S:.0f}':>7} "
        f"{'ok' if outcome.holds else 'MISS':4} {slowest}; {answers or 'all served'}"
    )
    if outcome.problem:
        yield f"    {outcome.problem}"
    if outcome.defects:
        yield from (f"    nobody should get: {why}" for why in outcome.defects[:_SHOWN])


def _verdict(verdict: Verdict) -> Iterator[str]:
    yield (
        f"{verdict.kind:32} {verdict.acknowledged:9} {verdict.stored:9} "
        f"{len(verdict.lost):6} {len(verdict.doubled):8} {'ok' if verdict.holds else 'BROKEN'}"
    )
    for what, found in (("lost", verdict.lost), ("doubled", verdict.doubled)):
        if found:
            yield f"    {what}: {', '.join(found[:_SHOWN])}"
    yield from (f"    {note}" for note in verdict.notes)
