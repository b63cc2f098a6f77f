"""A whole mesh in a process of its own, for tests and benches: the very thing `make run` starts."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from gemba_local.folder import DataFolder, erase, hold
from gemba_local.ports import pick
from gemba_local.processes import is_running
from gemba_local.services import SERVICES

_POLL_S: Final = 0.05
_KILLED_S: Final = 10.0


class MeshError(Exception):
    """The mesh did not do what it should; the message ends with its last log lines."""


def free_ports(candidates: range = range(20000, 30000)) -> dict[str, str]:
    """Settings that give every service a free port of its own."""
    settings: dict[str, str] = {}
    chosen: set[int] = set()
    for service in SERVICES:
        port = pick(candidates, avoid=chosen)
        chosen.add(port)
        settings[f"GEMBA_{service.package.upper()}_PORT"] = str(port)
    settings["GEMBA_MQTT_METRICS_PORT"] = str(pick(candidates, avoid=chosen))
    settings["GEMBA_EMBEDDED_PORTS"] = f"{candidates[0]}-{candidates[-1]}"
    return settings


@dataclass
class LocalMesh:
    """One mesh on free ports; `settings` are further `GEMBA_*` variables.

    Used as a context manager it starts, waits until all is ready, and stops; it dies with the
    process that made it. Its log is the file `log`.
    """

    data_dir: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 240.0
    arguments: Sequence[str] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _ports: dict[str, str] = field(default_factory=free_ports, init=False, repr=False)

    @property
    def log(self) -> Path:
        """Everything that the runner has printed."""
        return self.data_dir.with_name(f"{self.data_dir.name}.log")

    @property
    def state(self) -> dict[str, Any]:
        """The state file's content; empty while there is none."""
        try:
            content: dict[str, Any] = json.loads((self.data_dir / "state.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return content

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return self.url_of("gateway")

    def url_of(self, name: str) -> str:
        """Where this service answers."""
        return str(self.state["urls"][name])

    @property
    def door_probes_url(self) -> str:
        """Where the MQTT door answers probes and scrapes."""
        return f"http://127.0.0.1:{self._ports['GEMBA_MQTT_METRICS_PORT']}"

    @property
    def admin_password(self) -> str:
        """The first password of `admin`."""
        return self.secret("admin_password")

    @property
    def database_url(self) -> str:
        """The database, as its owner, for asyncpg."""
        port = self.state["ports"]["postgres"]
        return f"postgresql://gemba:{self.secret('database_password')}@127.0.0.1:{port}/gemba"

    @property
    def nats_url(self) -> str:
        """The bus, with user and password."""
        return (
            f"nats://gemba:{self.secret('nats_password')}@127.0.0.1:{self.state['ports']['nats']}"
        )

    def secret(self, name: str) -> str:
        """A generated secret by the name of its file."""
        return (self.data_dir / "secrets" / name).read_text().strip()

    @property
    def runner_pid(self) -> int:
        """The runner's own process id."""
        return self._running.pid

    def pid(self, name: str) -> int | None:
        """The process id of a service, `postgres` or `nats` now; None while it does not run."""
        pid = self.state["processes"][name]["pid"]
        return None if pid is None else int(pid)

    def pids(self) -> dict[str, int]:
        """The process ids of all that run now, the runner's and the warden's too."""
        state = self.state
        pids = {name: facts["pid"] for name, facts in state["processes"].items()}
        pids |= {"runner": state["runner_pid"], "warden": state["warden_pid"]}
        return {name: int(pid) for name, pid in pids.items() if pid is not None}

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to one process; returns the process id that it had."""
        pid = self.pids()[name]
        os.kill(pid, number)
        if name == "runner" and number == signal.SIGKILL:
            self._running.wait(_KILLED_S)
        return pid

    def start(self) -> Self:
        """Start the mesh and wait until every service is ready.

        Raises MeshError when it does not get ready in time.
        """
        (self.data_dir / "state.json").unlink(missing_ok=True)
        self.spawn()
        self.wait(lambda state: state.get("status") in {"ready", "incomplete"}, "get ready")
        if lacks := self.state["not_ready"]:
            raise self._failure(f"not ready: {lacks}")
        return self

    def spawn(self) -> None:
        """Start the runner without waiting for anything."""
        environment = {name: value for name, value in os.environ.items() if name[:6] != "GEMBA_"}
        # One limit for both: the runner must not give up before who waits for it.
        environment |= {"GEMBA_START_TIMEOUT_S": str(self.timeout_s)}
        environment |= self._ports | dict(self.settings)
        environment |= {"GEMBA_DATA_DIR": str(self.data_dir), "GEMBA_DIE_WITH_PARENT": "true"}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gemba_local", *self.arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self, content: Callable[[dict[str, Any]], bool], what: str) -> None:
        """Wait until the state satisfies the condition.

        Raises MeshError when it does not in time, or the runner ends.
        """
        deadline = time.monotonic() + self.timeout_s
        while not content(self.state):
            if self._running.poll() is not None:
                raise self._failure(f"the runner ended with {self._running.returncode}")
            if time.monotonic() > deadline:
                raise self._failure(f"it did not {what} within {self.timeout_s:g} s")
            time.sleep(_POLL_S)

    def wait_said(self, text: str) -> None:
        """Wait until the log has this text: it is written a moment after what it tells of."""
        self.wait(lambda _: text in self.log.read_text(errors="replace"), f"say {text!r}")

    def wait_restarted(self, name: str, old_pid: int) -> int:
        """Wait until another process has taken this one's place; returns its id."""
        self.wait(
            lambda state: state["processes"][name]["pid"] not in (None, old_pid),
            f"restart {name}",
        )
        return int(self.state["processes"][name]["pid"])

    def stop(self, number: signal.Signals = signal.SIGTERM, *, timeout_s: float = 120.0) -> int:
        """Stop the mesh in order; returns the runner's exit code."""
        self._running.send_signal(number)
        return self._running.wait(timeout_s)

    def erase(self) -> None:
        """Remove the stopped mesh's data, once its last process has gone."""
        if self.data_dir.exists():
            folder = DataFolder(self.data_dir.resolve())
            lock = hold(folder)
            erase(folder)
            os.close(lock)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process and self._process.poll() is None:
            self.stop()
        self.erase()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise MeshError("the mesh was not started")
        return self._process

    def _failure(self, what: str) -> MeshError:
        lines = self.log.read_text(errors="replace").splitlines()[-30:]
        return MeshError("\n".join([what, *lines]))


def survivors(pids: Mapping[str, int]) -> dict[str, int]:
    """Those of the processes that still run."""
    return {name: pid for name, pid in pids.items() if is_running(pid)}
