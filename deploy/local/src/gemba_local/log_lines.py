"""Turns what a child writes into lines, and a line into what the operator reads."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

MAX_LINE_BYTES: Final = 16_384

_RESET, _DIM, _BOLD = "\x1b[0m", "\x1b[2m", "\x1b[1m"
_LEVEL_COLOURS: Final = {
    "DEBUG": _DIM,
    "INFO": "",
    "WARNING": "\x1b[33m",
    "ERROR": "\x1b[31m",
    "CRITICAL": "\x1b[1;31m",
}
_PREFIX_COLOURS: Final = ("36", "32", "35", "34", "96", "92", "95", "94", "33")
_SHOWN_APART: Final = frozenset(
    {
        "timestamp",
        "level",
        "component",
        "message",
        "request_id",
        "logger",
        "exception",
        "color_message",
    }
)
# PostgreSQL writes "LOG:  text"; NATS writes "[12] [INF] text" or "[12] 2026/01/01 … [INF] text".
_POSTGRES: Final = re.compile(r"^(DEBUG\d?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC):\s+(.*)$")
_NATS: Final = re.compile(r"^\[\d+\] (?:[\d/]+ [\d:.]+ )?\[(TRC|DBG|INF|WRN|ERR|FTL)\] (.*)$")
_FOREIGN_LEVELS: Final = {
    "TRC": "DEBUG", "DBG": "DEBUG", "INF": "INFO", "WRN": "WARNING", "ERR": "ERROR",
    "FTL": "CRITICAL", "LOG": "INFO", "INFO": "INFO", "NOTICE": "INFO", "WARNING": "WARNING",
    "ERROR": "ERROR", "FATAL": "CRITICAL", "PANIC": "CRITICAL",
}  # fmt: skip


class LineSplitter:
    """Cuts a stream of bytes into lines; memory stays bounded whatever is fed."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skipping = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that this chunk completes; a line beyond the limit is cut short."""
        self._rest += chunk
        while (end := self._rest.find(b"\n")) >= 0:
            line, skipped = bytes(self._rest[:end]), self._skipping
            del self._rest[: end + 1]
            self._skipping = False
            if not skipped:
                yield shorten(line)
        if len(self._rest) > MAX_LINE_BYTES:
            if not self._skipping:
                yield shorten(bytes(self._rest))
            self._skipping = True
            self._rest.clear()

    def close(self) -> Iterator[bytes]:
        """The last line, where it lacks its end."""
        if self._rest and not self._skipping:
            yield shorten(bytes(self._rest))
        self._rest.clear()


def shorten(line: bytes) -> bytes:
    """The line without its end, cut with a remark when it is too long."""
    line = line.rstrip(b"\r")
    if len(line) <= MAX_LINE_BYTES:
        return line
    return line[:MAX_LINE_BYTES] + " … (cut short)".encode()


def parse(line: bytes, *, source: str, now: datetime) -> dict[str, Any]:
    """The line as a log object; one that is no JSON object becomes the message of one."""
    if line.startswith(b"{"):
        try:
            content = json.loads(line)
        except ValueError:
            content = None
        if isinstance(content, dict) and "message" in content:
            return content
    return log_object(line.decode("utf-8", "replace"), source=source, now=now)


def log_object(text: str, *, source: str, now: datetime, level: str = "INFO") -> dict[str, Any]:
    """A log object in the services' own shape for a plain text."""
    found = _POSTGRES.match(text) or _NATS.match(text)
    if found:
        level, text = _FOREIGN_LEVELS.get(found[1], "DEBUG"), found[2]
    stamp = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"timestamp": stamp, "level": level, "component": source, "message": text}


@dataclass(frozen=True)
class LineFormat:
    """How lines look: as JSON objects, or as readable text with or without colours."""

    as_json: bool = False
    colour: bool = False
    width: int = 12

    def render(self, source: str, line: bytes, *, now: datetime) -> bytes:
        """The line as it is written out, without its end."""
        if self.as_json and line.startswith(b"{"):
            return line
        return self.render_object(source, parse(line, source=source, now=now))

    def render_object(self, source: str, content: dict[str, Any]) -> bytes:
        """The log object as it is written out, without its end."""
        if self.as_json:
            return json.dumps(content, ensure_ascii=False, default=str).encode()
        level = str(content.get("level") or "INFO").upper()
        head = self._paint(f"{source:<{self.width}}", f"\x1b[{_colour_of(source)}m")
        parts = [
            self._paint(_clock(content.get("timestamp")), _DIM),
            head,
            self._paint(f"{level:<7}", _LEVEL_COLOURS.get(level, "")),
        ]
        component = str(content.get("component") or "")
        if component and component.replace("_", "-") != source:
            parts.append(printable(component) + ":")
        parts.append(printable(str(content.get("message", ""))))
        parts.extend(self._details(content))
        text = " ".join(parts)
        for row in str(content.get("exception") or "").splitlines():
            text += f"\n{head} {self._paint('  ' + printable(row), _DIM)}"
        return text.encode("utf-8", "replace")

    def _details(self, content: dict[str, Any]) -> Iterator[str]:
        for name, value in content.items():
            if name not in _SHOWN_APART and value is not None:
                yield self._paint(printable(f"{name}={value}"), _DIM)
        if content.get("request_id"):
            yield self._paint(printable(f"[{content['request_id']}]"), _DIM)

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_RESET}" if self.colour and colour else text

    def emphasise(self, text: str) -> str:
        """The text in bold where there are colours."""
        return self._paint(text, _BOLD)


def printable(text: str) -> str:
    """The text with control characters spelled out: a log must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _colour_of(source: str) -> str:
    return _PREFIX_COLOURS[sum(source.encode()) % len(_PREFIX_COLOURS)]


def _clock(stamp: object) -> str:
    try:
        moment = datetime.fromisoformat(str(stamp))
    except ValueError:
        moment = datetime.now(UTC)
    return f"{moment.astimezone():%H:%M:%S}.{moment.microsecond // 1000:03d}"
