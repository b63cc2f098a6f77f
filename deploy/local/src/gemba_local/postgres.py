"""The embedded PostgreSQL: its cluster, its process, the mesh's database."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import asyncpg

from gemba_local.children import ChildSpec
from gemba_local.problems import ConfigurationError, RunnerError
from gemba_local.processes import is_running, send, works_in
from gemba_local.shelter import Place

_INITDB_S: Final = 120.0
_CONNECT_S: Final = 5.0
_ORPHAN_STOP_S: Final = 10.0
_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class EmbeddedPostgres:
    """One cluster that listens on one loopback port and demands passwords."""

    def __init__(self, place: Place, *, port: int, password: str, marks: Mapping[str, str]) -> None:
        self._place = place
        self._port = port
        self._password = password
        self._environment = _ENVIRONMENT | dict(marks)

    def spec(self, *, stop_timeout_s: float) -> ChildSpec:
        """How to run the server."""
        options = {
            "listen_addresses": "127.0.0.1", "port": self._port, "unix_socket_directories": "",
            "max_connections": 200, "shared_buffers": "128MB", "log_checkpoints": "off",
            "log_line_prefix": "", "timezone": "UTC", "log_timezone": "UTC",
        }  # fmt: skip
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return ChildSpec(
            name="postgres",
            command=(str(self._place.programs / "postgres"),
                     "-D", str(self._place.cluster), *flags),
            environment=self._environment,
            identity=self._place.identity,
            stop_rank=3,
            stop_signal=signal.SIGINT,  # "fast": ends sessions, loses nothing
            stop_timeout_s=max(stop_timeout_s, 30.0),
            hurry_timeout_s=5.0,
            ready=self._lack,
            prepare=self._prepare,
        )  # fmt: skip

    async def ensure_database(self, name: str, *, password: str) -> None:
        """Make the role, its database and the vector extension, as far as they are missing.

        Raises ConfigurationError when the kept password does not open the cluster.
        """
        try:
            server = await self._connect("postgres")
        except asyncpg.InvalidPasswordError as error:
            raise ConfigurationError(
                f"The kept password does not open the database in {self._place.cluster}: "
                "the secrets and the database are not of one mesh."
            ) from error
        try:
            await server.execute("SET log_min_error_statement = panic")  # it has a password
            role = f'"{name}" LOGIN PASSWORD {_quoted(password)}'
            known = await server.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name)
            await server.execute(f"{'ALTER' if known else 'CREATE'} ROLE {role}")
            if not await server.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                await server.execute(f'CREATE DATABASE "{name}" OWNER "{name}"')
        finally:
            await server.close(timeout=_CONNECT_S)
        database = await self._connect(name)
        try:
            await database.execute("CREATE EXTENSION IF NOT EXISTS vector")
        finally:
            await database.close(timeout=_CONNECT_S)

    async def _connect(self, database: str) -> asyncpg.Connection:
        return await asyncpg.connect(
            host="127.0.0.1", port=self._port, user="postgres", password=self._password,
            database=database, timeout=_CONNECT_S, command_timeout=30.0, ssl=False,
        )  # fmt: skip

    async def _lack(self) -> str | None:
        try:
            await (await self._connect("postgres")).close(timeout=_CONNECT_S)
        except asyncpg.InvalidPasswordError:
            return None  # it answers; `ensure_database` says what is wrong
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            return f"it takes no connection ({type(error).__name__})"
        return None

    async def _prepare(self) -> None:
        await asyncio.to_thread(self._make_cluster)
        await self._stop_orphans()

    def _make_cluster(self) -> None:
        cluster = self._place.cluster
        if (cluster / "PG_VERSION").exists():
            self._check_version()
            return
        draft = cluster.with_name(cluster.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if self._place.identity:
            os.chown(draft, self._place.identity.uid, self._place.identity.gid)
        self._initdb(draft)
        cluster.mkdir(mode=0o700, exist_ok=True)
        draft.rename(cluster)  # a start cut short leaves no half-made cluster

    def _initdb(self, folder: Path) -> None:
        identity = self._place.identity
        reader, writer = os.pipe()
        os.write(writer, f"{self._password}\n".encode())
        os.close(writer)
        if identity:
            os.fchown(reader, identity.uid, identity.gid)
        try:
            subprocess.run(
                [self._place.programs / "initdb", "-D", folder, "-U", "postgres",
                 f"--pwfile=/dev/fd/{reader}", "--auth=scram-sha-256", "-E", "UTF8",
                 "--locale=C.UTF-8", "--no-instructions"],
                check=True, capture_output=True, text=True, timeout=_INITDB_S, cwd="/",
                env=self._environment, pass_fds=(reader,),
                user=identity.uid if identity else None,
                group=identity.gid if identity else None,
                extra_groups=[] if identity else None,
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            raise RunnerError(f"initdb failed: {error.stderr.strip()}") from error
        finally:
            os.close(reader)

    def _check_version(self) -> None:
        found = (self._place.cluster / "PG_VERSION").read_text().strip()
        ours = subprocess.run(
            [self._place.programs / "postgres", "-V"],
            check=True, capture_output=True, text=True, timeout=_CONNECT_S, env=_ENVIRONMENT,
        ).stdout.split()[2].split(".")[0]  # fmt: skip
        if found != ours:
            raise ConfigurationError(
                f"{self._place.cluster} was made by PostgreSQL {found}, this is {ours}: "
                "dump it with the old version and load it into a new data folder."
            )

    async def _stop_orphans(self) -> None:
        """Stop what a killed postmaster has left, which would keep a new one from starting."""
        left = [pid for pid in _pids() if works_in(pid, self._place.cluster)]
        for number in (signal.SIGQUIT, signal.SIGKILL):
            for pid in left:
                send(pid, number)
            deadline = time.monotonic() + _ORPHAN_STOP_S
            while left and time.monotonic() < deadline:
                await asyncio.sleep(0.02)
                left = [pid for pid in left if is_running(pid)]


def _pids() -> list[int]:
    with suppress(OSError):
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return []


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
