"""What a child process is: a specification as data, and the one process that runs now."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from gemba_local.journal import Journal
from gemba_local.log_lines import LineSplitter

Probe = Callable[[], Awaitable[str | None]]
"""Answers None when a process is ready, else what is missing."""

_LAUNCHER = Path(__file__).with_name("launch.py")
_LAST_WORDS_S = 0.5


@dataclass(frozen=True)
class Identity:
    """The user that a child runs as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class ChildSpec:
    """One process to keep running.

    `stop_rank` orders the stop, the lowest first; lines that match `quiet` are not shown. `broken`
    says of a running process what only a restart can mend, None while there is nothing.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    folder: Path = Path("/")
    identity: Identity | None = None
    stop_rank: int = 1
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 12.0
    hurry_timeout_s: float = 0.0
    quiet: re.Pattern[bytes] | None = None
    ready: Probe | None = None
    broken: Probe | None = None
    prepare: Callable[[], Awaitable[None]] | None = None


class RunningChild:
    """A started process, the leader of a session of its own; its output goes to the journal."""

    def __init__(self, spec: ChildSpec, process: asyncio.subprocess.Process, output: int) -> None:
        self.spec = spec
        self.pid = process.pid
        self._process = process
        self._output = output

    @classmethod
    async def start(cls, spec: ChildSpec) -> "RunningChild":
        """Start the process; it gets the stop signal when the runner dies."""
        identity = spec.identity
        who = f"{identity.uid}:{identity.gid}" if identity else "-"
        reader, writer = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", str(_LAUNCHER),
                str(os.getpid()), str(int(spec.stop_signal)), who, str(spec.folder), *spec.command,
                env=dict(spec.environment), start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL, stdout=writer, stderr=writer,
            )  # fmt: skip
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        return cls(spec, process, reader)

    async def watch(self, journal: Journal) -> int:
        """Pass its output on until it ends; returns its exit code, or minus the signal."""
        lines = _OutputLines(self.spec, journal)
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(self._output, "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(lambda: lines, pipe)
        try:
            code = await self._process.wait()
            self.signal_group(signal.SIGKILL)  # what it started must not outlive it
            with suppress(TimeoutError):
                await asyncio.wait_for(lines.closed.wait(), _LAST_WORDS_S)
        finally:
            transport.close()
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send the signal to the process itself."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def signal_group(self, number: signal.Signals) -> None:
        """Send the signal to the process and to what it has started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


class _OutputLines(asyncio.Protocol):
    def __init__(self, spec: ChildSpec, journal: Journal) -> None:
        self._spec, self._journal = spec, journal
        self._splitter = LineSplitter()
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        for line in self._splitter.feed(data):
            self._show(line)

    def connection_lost(self, error: Exception | None) -> None:
        for line in self._splitter.close():
            self._show(line)
        self.closed.set()

    def _show(self, line: bytes) -> None:
        if self._spec.quiet is None or not self._spec.quiet.search(line):
            self._journal.line(self._spec.name, line)


def http_probe(url: str) -> Probe:
    """A probe that is content when this address answers 200."""

    async def probe() -> str | None:
        # Plain HTTP on loopback: without `verify=False` each client loads all certificates (20 ms).
        async with httpx.AsyncClient(timeout=2.0, trust_env=False, verify=False) as client:
            try:
                answer = await client.get(url)
            except httpx.HTTPError as error:
                return f"{url} does not answer ({type(error).__name__})"
        if answer.status_code == httpx.codes.OK:
            return None
        return f"{url} answers {answer.status_code}: {answer.text[:300].strip()}"

    return probe


def port_probe(url: str, port: int) -> Probe:
    """A probe that is content when somebody listens at this address."""
    host = urlsplit(url).hostname or "127.0.0.1"

    async def probe() -> str | None:
        try:
            async with asyncio.timeout(2):
                _, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError) as error:
            return f"{url} does not answer ({type(error).__name__})"
        writer.close()
        return None

    return probe


def describe_exit(code: int) -> str:
    """The end of a process in words: `exit code 3` or `signal SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"
