"""Words an answer from the facts alone, in three languages."""

from dataclasses import dataclass, field
from typing import Any

from tracking.asking.findings import Cause, causes_of
from tracking.asking.languages import Language
from tracking.asking.phrases import say
from tracking.asking.questions import Question

_NAMED_TODAY = ("today", "yesterday")


@dataclass(slots=True)
class Facts:
    """What the fixed queries gave, by the query's name, and what was found by meaning."""

    sql: dict[str, Any] = field(default_factory=dict)
    similar: list[dict[str, Any]] = field(default_factory=list)

    def anomalies(self) -> list[dict[str, Any]]:
        """The first anomalies of the period."""
        listed: list[dict[str, Any]] = self.sql.get("anomalies", {}).get("listed", [])
        return listed

    def causes(self) -> list[Cause]:
        """Why the period was as it was; empty where nothing was seen in it."""
        now = self.sql.get("period_stats")
        if now is None or now["productivity"] is None:
            return []
        return causes_of(now, self.sql.get("usual_stats"), self.anomalies())

    def sources(self) -> list[dict[str, Any]]:
        """As the answer shows them."""
        shown = [{"type": "sql", "query": name, "data": data} for name, data in self.sql.items()]
        return shown + [
            {
                "type": "vector",
                "collection": "anomaly_patterns",
                "score": one["score"],
                "payload": {name: value for name, value in one.items() if name != "score"},
            }
            for one in self.similar
        ]


def when_of(question: Question) -> str:
    """The period in words."""
    period, language = question.period, question.language
    if period.name in _NAMED_TODAY:
        return say(period.name, language)
    phrase = "on_day" if period.first == period.last else "in_range"
    return say(phrase, language, first=period.first, last=period.last)


def what_of(question: Question) -> str:
    """Whom the question is about."""
    if question.zone_id is not None:
        return say("zone", question.language, id=question.zone_id)
    if question.worker_id is not None:
        return say("worker", question.language, id=question.worker_id)
    return say("floor", question.language)


def reasoning_of(question: Question, facts: Facts) -> str:
    """How the answer came about."""
    language = question.language
    read = {"intent": question.intent, "what": what_of(question), "when": when_of(question)}
    return "\n".join(
        [
            say("step_read", language, **read),
            say("step_facts", language, queries=", ".join(facts.sql)),
            say("step_vectors", language, count=len(facts.similar)),
        ]
    )


def answer_of(question: Question, facts: Facts) -> str:
    """The answer; each of its numbers stands in a source."""
    if question.unknown_id is not None:
        return say("unknown", question.language, id=question.unknown_id)
    match question.intent:
        case "presence":
            return _presence(question, facts)
        case "alerts":
            return _alerts(question, facts)
        case "ranking":
            return _ranking(question, facts)
        case "cameras":
            return _cameras(question, facts)
        case _:
            return _performance(question, facts)


def _performance(question: Question, facts: Facts) -> str:
    language = question.language
    now, usual = facts.sql["period_stats"], facts.sql.get("usual_stats")
    words = {"what": what_of(question), "when": when_of(question)}
    if now["productivity"] is None:
        return say("nothing", language, **words)
    lines = [say("headline", language, **words, **now)]
    if usual is None:
        lines.append(say("no_usual", language))
    else:
        is_below = now["productivity"] < usual["productivity"]
        told = {"usual_percent": usual["productivity_percent"]}
        lines.append(say("below" if is_below else "above", language, **told))
    causes = facts.causes()
    values = {**now, "count": facts.sql.get("anomalies", {}).get("count", 0)}
    if usual is not None:
        values |= {
            "usual_idle_minutes": usual["idle_minutes"],
            "usual_people": usual["people"],
        }
    lines += ["", say("causes", language)]
    for number, cause in enumerate(causes, 1):
        lines.append(f"{number}. {say(cause.kind, language, **values)}")
        if cause.kind == "anomalies":
            lines += [_anomaly(one, language) for one in facts.anomalies()]
    lines += [_similar(one, language) for one in facts.similar[:1]]
    lines += ["", say("advice", language)]
    return "\n".join([*lines, *(f"- {say(f'do_{cause.kind}', language)}" for cause in causes)])


def _anomaly(one: dict[str, Any], language: Language) -> str:
    return say("anomaly", language, **{**one, "cause": _because(one, language)})


def _because(one: dict[str, Any], language: Language) -> str:
    cause = one.get("root_cause")
    return say("because", language, text=cause) if cause else ""


def _similar(one: dict[str, Any], language: Language) -> str:
    return "- " + say("similar", language, **{**one, "cause": _because(one, language)})


def _presence(question: Question, facts: Facts) -> str:
    language = question.language
    lines = []
    for zone in facts.sql["occupancy_now"]["zones"]:
        lines.append(say("present", language, **zone))
        lines += [say("person", language, **person) for person in zone["people"]]
    return "\n".join(lines) or say("none", language)


def _alerts(question: Question, facts: Facts) -> str:
    language = question.language
    counts, listed = facts.sql["alert_counts"], facts.sql["anomalies"]["listed"]
    lines = [say("alerts", language, **counts, when=when_of(question))]
    lines += [_anomaly(one, language) for one in listed]
    return "\n".join([*lines, *(_similar(one, language) for one in facts.similar[:1])])


def _ranking(question: Question, facts: Facts) -> str:
    language, rows = question.language, facts.sql["ranking"]["rows"]
    if not rows:
        return say("nothing", language, what=what_of(question), when=when_of(question))
    lines = [say("ranked", language, **row) for row in rows]
    return "\n".join([say("ranking", language, when=when_of(question)), *lines])


def _cameras(question: Question, facts: Facts) -> str:
    language, told = question.language, facts.sql["camera_states"]
    unseen = facts.sql["period_stats"]["unseen_minutes"]
    counts = {"active": told["active"], "total": told["total"], "unseen_minutes": unseen}
    lines = [say("cameras", language, when=when_of(question), **counts)]
    return "\n".join([*lines, *(say("camera", language, **one) for one in told["cameras"])])
