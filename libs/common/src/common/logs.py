"""Logs as JSON lines: one object a line, with the request's id, and no secret in any of them."""

import contextvars
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Final

import orjson

request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)
traceparent: contextvars.ContextVar[str | None] = contextvars.ContextVar(
    "traceparent", default=None
)

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message", "asctime", "taskName", "color_message",
}  # fmt: skip
# Access lines come from our own middleware; these repeat them, or speak of every start and call.
_QUIET: Final = (
    "uvicorn.access", "uvicorn.error", "httpx", "httpcore", "alembic", "aiohttp.access",
)  # fmt: skip
# Bounded where a pattern may begin anywhere: a long word would take time by its square else.
_SECRETS: Final = (
    (re.compile(r"sk_live_[A-Za-z0-9_-]+"), "sk_live_***"),
    (re.compile(r"\bdev_[A-Za-z0-9_-]{16,}"), "dev_***"),
    (re.compile(r"eyJ[A-Za-z0-9_-]{1,512}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), "***"),
    (re.compile(r"(?i)\b(token|api_key|csrf_token|password|secret)=[^&\s\"']+"), r"\1=***"),
    (
        re.compile(
            r"(?i)(\"(?:password|api_key|refresh_token|access_token|token)\":\s*)\"[^\"]*\""
        ),
        r'\1"***"',
    ),
    (re.compile(r"((?<!\w)\w{1,32}://[^/\s:@]*):[^/\s@]+@"), r"\1:***@"),
)


def redact(text: str) -> str:
    """The text without tokens, keys, passwords and credentials in addresses."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class JsonFormatter(logging.Formatter):
    """Writes one record as one line of JSON; extra fields of the record become fields."""

    def __init__(self, component: str) -> None:
        super().__init__()
        self._component = component

    def format(self, record: logging.LogRecord) -> str:
        """The record as a JSON object without a line break; made once for all handlers."""
        known: str | None = vars(record).get("_line")
        if known is None:
            known = vars(record)["_line"] = self._line_of(record)
        return known

    def _line_of(self, record: logging.LogRecord) -> str:
        stamp = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "timestamp": stamp.replace("+00:00", "Z"),
            "level": record.levelname,
            "component": self._component,
            "message": redact(record.getMessage()),
            "request_id": request_id.get(),
            "logger": record.name,
        }
        for name, value in vars(record).items():
            if name not in _STANDARD and not name.startswith("_"):
                line[name] = redact(value) if isinstance(value, str) else value
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = redact("".join(traceback.format_exception(*record.exc_info)))
        return orjson.dumps(line, default=str).decode()


def configure_logging(component: str, *, level: str = "INFO") -> None:
    """Send every logger of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(component))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
