from datetime import UTC, datetime
from typing import Any

import pytest

from gemba_local.log_lines import MAX_LINE_BYTES, LineFormat, LineSplitter, parse

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
LINE = (
    b'{"timestamp":"2026-01-02T03:04:05.678Z","level":"WARNING","component":"tracking",'
    b'"message":"camera is late","request_id":"abc","logger":"x","camera_id":"C1"}'
)


def test_json_line_is_shown_readably() -> None:
    text = LineFormat().render("tracking", LINE, now=NOW).decode()
    assert text[12:] == " tracking     WARNING camera is late camera_id=C1 [abc]"
    assert text[2] == text[5] == ":"


def test_json_line_passes_raw_in_json_format() -> None:
    assert LineFormat(as_json=True).render("tracking", LINE, now=NOW) == LINE


def test_plain_line_becomes_an_object_in_json_format() -> None:
    line = LineFormat(as_json=True).render("postgres", b"FATAL:  no more", now=NOW)
    assert line == (
        b'{"timestamp": "2026-01-02T03:04:05.678Z", "level": "CRITICAL",'
        b' "component": "postgres", "message": "no more"}'
    )


@pytest.mark.parametrize(
    ("line", "level", "message"),
    [
        (b"LOG:  ready", "INFO", "ready"),
        (b"ERROR:  relation", "ERROR", "relation"),
        (b"[12] [WRN] slow", "WARNING", "slow"),
        (b"[12] 2026/01/02 03:04:05.6 [ERR] gone", "ERROR", "gone"),
        (b"Traceback", "INFO", "Traceback"),
        (b'{"no": "message"}', "INFO", '{"no": "message"}'),
        (b"{broken", "INFO", "{broken"),
        (b"\xff\xfe", "INFO", "\ufffd\ufffd"),
    ],
)
def test_level_of_a_foreign_line_is_understood(line: bytes, level: str, message: str) -> None:
    found: dict[str, Any] = parse(line, source="any", now=NOW)
    assert (found["level"], found["message"]) == (level, message)


def test_log_cannot_steer_the_terminal() -> None:
    text = LineFormat().render("gateway", b'{"message": "a\\u001b[2Jb\\nc"}', now=NOW).decode()
    assert text.endswith("a\\x1b[2Jb\\nc")


def test_colours_only_where_wanted() -> None:
    assert b"\x1b" not in LineFormat().render("gateway", LINE, now=NOW)
    assert b"\x1b[33mWARNING" in LineFormat(colour=True).render("gateway", LINE, now=NOW)


def test_stack_trace_is_shown_on_lines_of_its_own() -> None:
    line = b'{"message": "failed", "exception": "Traceback\\n  boom"}'
    rows = LineFormat().render("gateway", line, now=NOW).decode().split("\n")
    assert [row.split(None, 1)[-1] for row in rows[1:]] == ["Traceback", "boom"]


def test_lines_are_cut_from_any_chunks() -> None:
    splitter = LineSplitter()
    chunks = [b"a", b"b\nc\r\n", b"", b"\nd"]
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    assert [*lines, *splitter.close()] == [b"ab", b"c", b"", b"d"]


def test_endless_line_is_cut_short_and_its_rest_skipped() -> None:
    splitter = LineSplitter()
    lines = [line for _ in range(100) for line in splitter.feed(b"x" * 10_000)]
    assert len(lines) == 1
    assert lines[0] == b"x" * MAX_LINE_BYTES + " … (cut short)".encode()
    assert list(splitter.feed(b"tail\nnext\n")) == [b"next"]
