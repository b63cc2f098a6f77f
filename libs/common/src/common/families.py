"""Which error style a path speaks, and how each style writes an error (contract, chapter 2)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from common.errors import (
    InvalidToken,
    MalformedBody,
    NotFound,
    RateLimited,
    ServiceError,
    Unauthorized,
    ValidationFailed,
)


class Family(Enum):
    """Four families; the two services of `/api/v1` differ in how they refuse a bad body."""

    ORCHESTRATOR = "orchestrator"
    TRACKING = "tracking"
    DEVICES = "devices"
    PRINTERS = "printers"
    CLUSTER = "cluster"


_ORCHESTRATOR_NOUNS = (
    "machines|inspections|orchestrator|webhooks|dashboard|images|tools|pipelines|dead-letters"
)
_RULES: tuple[tuple[re.Pattern[str], Family], ...] = (
    (re.compile(rf"/api/v1/({_ORCHESTRATOR_NOUNS})(/|$)"), Family.ORCHESTRATOR),
    (re.compile(r"/api/v1/[^/]+/(telemetry|attributes)/?$"), Family.ORCHESTRATOR),
    (re.compile(r"/ws/(inspections|machines)/"), Family.ORCHESTRATOR),
    (re.compile(r"/api/v1(/|$)|/ws/tracking/?$"), Family.TRACKING),
    (re.compile(r"/api/(devices|token)(/|$)|/ws/devices"), Family.DEVICES),
    (re.compile(r"/api/(status|printers|print-queue|print-jobs)(/|$)"), Family.PRINTERS),
)


def family_of(path: str) -> Family:
    """The family whose errors a caller of this path expects; everything else is the cluster's."""
    for pattern, family in _RULES:
        if pattern.match(path):
            return family
    return Family.CLUSTER


class Rendered:
    """An error as it goes over the wire: status, JSON body and headers."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self.status = status
        self.body = body
        self.headers = headers


def render(error: ServiceError, *, family: Family, accept_language: str = "") -> Rendered:
    """Write an error in its family's style.

    Args:
        error: what went wrong.
        family: whose style to use.
        accept_language: the request's header; only the printers' family has two languages.
    """
    status = _status(error, family)
    match family:
        case Family.ORCHESTRATOR | Family.TRACKING:
            body = _v1_body(error)
        case Family.DEVICES:
            body = _devices_body(error)
        case Family.PRINTERS:
            body = _printers_body(error, is_english=prefers_english(accept_language))
        case Family.CLUSTER:
            body = _cluster_body(error)
    return Rendered(status, body, error.headers)


def _status(error: ServiceError, family: Family) -> int:
    if not isinstance(error, ValidationFailed):
        return error.status
    if family in (Family.ORCHESTRATOR, Family.DEVICES, Family.PRINTERS):
        return 400
    if family is Family.TRACKING and not error.in_body:
        return 400
    return 422


def _v1_body(error: ServiceError) -> dict[str, Any]:
    message, details = error.message, dict(error.details)
    if isinstance(error, ValidationFailed) and error.fields:
        message = _summary(error)
    if error.fields:
        details["fields"] = {name: list(texts) for name, texts in error.fields.items()}
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"error": {"code": error.code, "message": message, "details": details, "timestamp": now}}


def _devices_body(error: ServiceError) -> dict[str, Any]:
    if isinstance(error, MalformedBody):
        return {"detail": f"JSON parse error - {error.reason}"}
    if error.fields:
        # Django REST Framework's name for what is wrong with the body as a whole.
        names = {"body": "non_field_errors"}
        return {names.get(name, name): list(texts) for name, texts in error.fields.items()}
    if isinstance(error, InvalidToken):
        text = "Given token not valid for any token type"
        return {"detail": error.message if error.is_specific else text, "code": "token_not_valid"}
    if isinstance(error, RateLimited):
        seconds = error.retry_after_s
        return {"detail": f"Request was throttled. Expected available in {seconds} seconds."}
    if isinstance(error, NotFound) and not error.is_specific:
        return {"detail": "Not found."}
    if isinstance(error, Unauthorized) and not error.is_specific:
        return {"detail": error.message}
    return {"detail": error.message}


def _printers_body(error: ServiceError, *, is_english: bool) -> dict[str, Any]:
    message = error.message if is_english else error.message_pt
    if isinstance(error, ValidationFailed) and error.fields:
        message = f"{message.rstrip('.')}: {', '.join(error.fields)}."
    body: dict[str, Any] = {"success": False, "message": message}
    fields = error.fields if is_english else error.fields_pt
    if fields:
        body["errors"] = {name: list(texts) for name, texts in fields.items()}
    return body


def _cluster_body(error: ServiceError) -> dict[str, Any]:
    if error.fields:
        return {
            "detail": [
                {"loc": name.split("."), "msg": text}
                for name, texts in error.fields.items()
                for text in texts
            ]
        }
    return {"detail": error.message, **({"details": error.details} if error.details else {})}


def _summary(error: ValidationFailed) -> str:
    first, texts = next(iter(error.fields.items()))
    more = len(error.fields) - 1
    rest = f" (and {more} more)" if more else ""
    return f"Invalid value for '{first}': {texts[0]}{rest}"


def prefers_english(accept_language: str) -> bool:
    """True when the header ranks English above Portuguese."""
    weights: dict[str, float] = {}
    for part in accept_language.split(","):
        tag, _, quality = part.partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        language = tag.strip().lower().split("-")[0]
        weights[language] = max(weight, weights.get(language, 0.0))
    return weights.get("en", 0.0) > weights.get("pt", 0.0)
