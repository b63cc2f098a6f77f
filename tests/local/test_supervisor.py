"""The supervisor with small real children."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gemba_local.children import ChildSpec
from gemba_local.journal import Journal
from gemba_local.log_lines import LineFormat
from gemba_local.problems import RunnerError
from gemba_local.processes import is_running
from gemba_local.supervisor import Backoff, Supervisor


def _program(name: str, code: str, **options: object) -> ChildSpec:
    return ChildSpec(name, (sys.executable, "-S", "-c", code), **options)  # type: ignore[arg-type]  # any field of the spec


@asynccontextmanager
async def _supervised(
    log: Path, *specs: ChildSpec, backoff: Backoff | None = None
) -> AsyncIterator[Supervisor]:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    journal = Journal(descriptor, LineFormat())
    try:
        async with asyncio.TaskGroup() as tasks:
            supervisor = Supervisor(journal, tasks=tasks, backoff=backoff)
            for spec in specs:
                supervisor.add(spec)
            try:
                yield supervisor
            finally:
                await supervisor.stop(hurry=asyncio.Event())
    finally:
        journal.close()
        os.close(descriptor)


async def _until(condition: Callable[[], object], *, timeout_s: float = 15.0) -> None:
    async def wait() -> None:
        while not condition():
            await asyncio.sleep(0.02)

    await asyncio.wait_for(wait(), timeout_s)


def test_backoff_doubles_to_its_limit_and_forgets_after_a_healthy_life() -> None:
    backoff = Backoff()
    delays = [0.0]
    for _ in range(8):
        delays.append(backoff.next_delay(delays[-1], lived_s=1))
    assert delays[1:] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert backoff.next_delay(30, lived_s=61) == 0.5


async def test_crashing_child_is_started_again_later_and_later(tmp_path: Path) -> None:
    log = tmp_path / "log"
    crash = _program("crash", "raise SystemExit(3)")
    async with _supervised(log, crash, backoff=Backoff(first_s=0.05)) as supervisor:
        await _until(lambda: supervisor.records["crash"].restarts >= 4)
    text = log.read_text()
    for delay in ("0.05", "0.1", "0.2", "0.4"):
        assert f"crash ended (exit code 3); starting again in {delay} s" in text


async def test_child_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with _supervised(log, ChildSpec("ghost", ("/nowhere/ghost",))) as supervisor:
        await _until(lambda: supervisor.records["ghost"].restarts)
    assert "/nowhere/ghost cannot be run: No such file or directory" in log.read_text()


async def test_grandchildren_end_with_their_parent(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = (
        "import subprocess, pathlib, time\n"
        "child = subprocess.Popen(['/bin/sleep', '1000'])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\n"
        "time.sleep(1000)"
    )
    async with _supervised(tmp_path / "log", _program("parent", code)) as supervisor:
        await _until(lambda: note.exists() and note.read_text())
        grandchild = int(note.read_text())
        running = supervisor.records["parent"].running
        assert running
        os.kill(running.pid, signal.SIGKILL)
        await _until(lambda: not is_running(grandchild))


async def test_children_stop_in_order_of_their_ranks(tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        f"    time.sleep(0.1); open({str(order)!r}, 'a').write(sys.argv[0] + sys.argv[1] + ' ')\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop); print('up', flush=True); signal.pause()\n"
        "time.sleep(1)"
    )
    names = {"third": 3, "first": 0, "second": 1}
    specs = [
        ChildSpec(name, (sys.executable, "-S", "-c", code, name), stop_rank=rank)
        for name, rank in names.items()
    ]
    log = tmp_path / "log"
    async with _supervised(log, *specs):
        await _until(lambda: log.read_text().count(" up") == len(specs))
    assert order.read_text() == "-cfirst -csecond -cthird "


async def test_deaf_child_is_killed_after_its_time_and_at_once_in_a_hurry(tmp_path: Path) -> None:
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(1000)"
    )
    for limit_s, is_hurried in ((0.3, False), (100.0, True)):
        log = tmp_path / f"log{limit_s}"
        hurry = asyncio.Event()
        deaf = _program("deaf", code, stop_timeout_s=limit_s)
        async with _supervised(log, deaf) as supervisor:
            await _until(lambda log=log: " up" in log.read_text())  # type: ignore[misc]  # a lambda's default has no type
            if is_hurried:
                hurry.set()
            begun = time.monotonic()
            await supervisor.stop(hurry=hurry)
            assert time.monotonic() - begun < 5
        assert "deaf did not stop; killing it" in log.read_text()


async def test_one_shot_child_that_fails_or_hangs_is_an_error(tmp_path: Path) -> None:
    async with _supervised(tmp_path / "log") as supervisor:
        await supervisor.run_once(_program("good", "print('done')"), timeout_s=10)
        with pytest.raises(RunnerError, match="bad failed with exit code 7"):
            await supervisor.run_once(_program("bad", "raise SystemExit(7)"), timeout_s=10)
        with pytest.raises(RunnerError, match=r"slow did not end within 0\.2 s"):
            await supervisor.run_once(_program("slow", "import time; time.sleep(9)"), timeout_s=0.2)


async def test_flood_blocks_neither_the_child_nor_the_runner_while_nobody_reads() -> None:
    reader, writer = os.pipe()
    journal = Journal(writer, LineFormat())
    code = "import sys; [sys.stdout.write('x' * 200 + '\\n') for _ in range(200_000)]"
    try:
        async with asyncio.TaskGroup() as tasks:
            supervisor = Supervisor(journal, tasks=tasks)
            await supervisor.run_once(_program("flood", code), timeout_s=30)  # 40 MB, none read
        assert sum(len(line) for _, line in journal._lines) < 2_000_000
        journal.note("still alive")
        drained = asyncio.create_task(asyncio.to_thread(_drain, reader))
        await asyncio.to_thread(journal.close, limit_s=10)
    finally:
        os.close(writer)
    text = await drained
    assert "still alive" in text
    os.close(reader)


def _drain(reader: int) -> str:
    parts = []
    while chunk := os.read(reader, 65536):
        parts.append(chunk)
    return b"".join(parts).decode()


async def test_a_process_that_says_it_is_broken_is_started_again(tmp_path: Path) -> None:
    is_broken = False

    async def broken() -> str | None:
        return "it cannot write" if is_broken else None

    spec = _program("store", "import time; time.sleep(100)", broken=broken)
    backoff = Backoff(first_s=0.05)
    async with _supervised(tmp_path / "log", spec, backoff=backoff) as supervisor:
        record = supervisor.records["store"]
        await _until(lambda: record.running)
        assert record.running is not None
        old = record.running.pid
        is_broken = True
        await _until(lambda: record.restarts == 1)
        is_broken = False
        await _until(lambda: record.running is not None)
        assert record.running.pid != old
    assert "store is broken: it cannot write" in (tmp_path / "log").read_text()
