"""The runner as a whole, from outside: real PostgreSQL and NATS, services that are stand-ins."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import asyncpg
import nats
import pytest
from tests.callers import calling
from tests.patience import PATIENCE_S

from gemba_local.mesh import LocalMesh, survivors

MakeMesh = Callable[..., LocalMesh]


def _until_gone(pids: dict[str, int], *, timeout_s: float = 20.0) -> dict[str, int]:
    """Wait for the end of these processes; returns those that still run."""
    deadline = time.monotonic() + timeout_s
    while survivors(pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return survivors(pids)


def _family(mesh: LocalMesh) -> dict[str, int]:
    """Every process below the runner, PostgreSQL's workers and strayed grandchildren included."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    family = {mesh.runner_pid}
    while found := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= found
    return mesh.pids() | {f"process {pid}": pid for pid in family}


async def _environment(mesh: LocalMesh, name: str) -> dict[str, str]:
    """What a stand-in was started with."""
    url = mesh.url_of(name).replace("mqtt://", "http://")
    async with calling(trust_env=False) as client:
        environment: dict[str, str] = (await client.get(f"{url}/environment")).json()
    return environment


def _listening_addresses(ports: set[int]) -> set[str]:
    addresses = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            address, _, port = line.split()[1].partition(":")
            if line.split()[3] == "0A" and int(port, 16) in ports:
                addresses.add(address)
    return addresses


async def test_second_start_finds_the_data_of_the_first_with_a_new_mesh_secret_too(
    make_mesh: MakeMesh,
) -> None:
    mesh = make_mesh().start()
    first_password = mesh.admin_password
    mesh.wait_said(first_password)
    database = await asyncpg.connect(mesh.database_url)
    await database.execute("CREATE TABLE parts (v vector(2)); INSERT INTO parts VALUES ('[1,2]')")
    await database.close()
    bus = await nats.connect(mesh.nats_url)
    stream = bus.jetstream(timeout=PATIENCE_S)
    await stream.add_stream(name="parts", subjects=["parts"])
    await stream.publish("parts", b"one")
    await bus.close()
    ports = mesh.state["ports"]
    secrets_before = {name: await _environment(mesh, name) for name in ("printers", "tracking")}
    assert mesh.stop() == 0

    mesh.log.unlink()
    # A mesh secret that may have been seen is thrown away; what is sealed has to open all the same.
    (mesh.data_dir / "secrets" / "mesh_secret").unlink()
    mesh.start()
    for name, secret in (("printers", "PRINTER"), ("tracking", "CAMERA")):
        before, after = secrets_before[name], await _environment(mesh, name)
        assert before["GEMBA_SERVICE_SECRET"] != after["GEMBA_SERVICE_SECRET"]
        sealed_with = f"GEMBA_{secret}_CREDENTIALS_SECRET"
        assert before[sealed_with] == after[sealed_with] == before["GEMBA_SERVICE_SECRET"]
    database = await asyncpg.connect(mesh.database_url)
    assert await database.fetchval("SELECT v::text FROM parts") == "[1,2]"
    await database.close()
    bus = await nats.connect(mesh.nats_url)
    assert (await bus.jetstream(timeout=PATIENCE_S).stream_info("parts")).state.messages == 1
    await bus.close()
    assert mesh.state["ports"] == ports
    assert mesh.admin_password == first_password
    mesh.wait_said("secrets/admin_password")
    assert first_password not in mesh.log.read_text()


async def test_embedded_servers_let_nobody_in_without_the_password(running: LocalMesh) -> None:
    mesh = running
    port = mesh.state["ports"]["postgres"]
    for user in ("gemba", "postgres"):
        for password in ("", "wrong"):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(
                    host="127.0.0.1", port=port, user=user, password=password, database="gemba"
                )
    bus = ("127.0.0.1", mesh.state["ports"]["nats"])
    for who in ("{}", '{"user": "gemba", "pass": "wrong"}'):
        with socket.create_connection(bus, timeout=5) as connection:
            connection.sendall(f"CONNECT {who}\r\nPING\r\n".encode())
            answer = connection.makefile().read()
        assert "-ERR 'Authorization Violation'" in answer
        assert "PONG" not in answer
    assert _listening_addresses(set(mesh.state["ports"].values())) == {"0100007F"}  # 127.0.0.1


async def test_secrets_are_private_and_go_only_to_whom_they_belong(running: LocalMesh) -> None:
    mesh = running
    for path in (mesh.data_dir / "secrets").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((mesh.data_dir / "nats/nats.conf").stat().st_mode) == 0o600
    assert b"BEGIN PRIVATE KEY" in (mesh.data_dir / "secrets/signing_key.pem").read_bytes()

    environments = {name: await _environment(mesh, name) for name in mesh.state["urls"]}
    gateway_only = ("MESH_SECRET", "SIGNING_KEY_FILE", "ADMIN_PASSWORD", "BOOTSTRAP_MACHINE_KEY")
    for name, environment in environments.items():
        for secret in gateway_only:
            assert (f"GEMBA_{secret}" in environment) == (name == "gateway"), (name, secret)
        assert ("GEMBA_MACHINE_KEY" in environment) == (name == "vision-node")
        assert ("GEMBA_PRINTER_CREDENTIALS_SECRET" in environment) == (name == "printers")
        assert ("GEMBA_CAMERA_CREDENTIALS_SECRET" in environment) == (name == "tracking")
        assert ("GEMBA_DATABASE_URL" in environment) == (name not in {"vision-node", "mqtt"})
        assert ("GEMBA_NATS_URL" in environment) == (name != "vision-node")
    proofs = {e.get("GEMBA_SERVICE_SECRET") for e in environments.values()}
    assert len(proofs) == len(environments) - 1  # six of their own; gateway and node have none
    state = (mesh.data_dir / "state.json").read_text() + mesh.log.read_text()
    for secret in ("mesh_secret", "machine_key", "database_password", "nats_password"):
        assert mesh.secret(secret) not in state


async def test_killed_postgres_comes_back_with_its_data(running: LocalMesh) -> None:
    mesh = running
    database = await asyncpg.connect(mesh.database_url)
    await database.execute("CREATE TABLE parts (id int); INSERT INTO parts VALUES (7)")
    # A backend that computes does not see its postmaster die, and would block the new one.
    busy = asyncio.create_task(
        database.execute("SELECT count(*) FROM generate_series(1, 100000000000)")
    )
    await asyncio.sleep(0.2)
    old = mesh.kill("postgres")
    mesh.wait_restarted("postgres", old)
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await busy

    async def rows() -> int:
        while True:
            try:
                again = await asyncpg.connect(mesh.database_url, timeout=5)
            except (OSError, asyncpg.CannotConnectNowError):
                await asyncio.sleep(0.05)
                continue
            found = int(await again.fetchval("SELECT id FROM parts"))
            await again.close()
            return found

    assert await asyncio.wait_for(rows(), PATIENCE_S) == 7
    mesh.wait_said("postgres ended (signal SIGKILL)")


def test_service_comes_back_after_a_crash_and_after_a_clean_exit(running: LocalMesh) -> None:
    mesh = running
    mesh.wait_restarted("gateway", mesh.kill("gateway"))
    mesh.wait_restarted("vision-node", mesh.kill("vision-node", signal.SIGTERM))
    assert mesh.state["processes"]["gateway"]["restarts"] == 1
    mesh.wait_said("gateway ended (signal SIGKILL); starting again in 0.5 s")
    mesh.wait_said("vision-node ended (exit code 0); starting again in 0.5 s")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_runner_leaves_no_process(
    make_mesh: MakeMesh, number: signal.Signals, bystander: "subprocess.Popen[bytes]"
) -> None:
    mesh = make_mesh().start()
    family = _family(mesh)
    assert len(family) > 14
    assert mesh.stop(number) == 0
    assert not survivors(family)
    assert mesh.state["status"] == "stopped"
    assert bystander.poll() is None
    log = mesh.log.read_text()
    assert log.index("database system is shut down") > log.index("printers did not stop")


def test_even_runner_and_warden_killed_together_leave_only_what_refuses_to_stop(
    make_mesh: MakeMesh,
) -> None:
    mesh = make_mesh().start()
    pids = mesh.pids()
    mesh.kill("warden")
    mesh.kill("runner")
    deaf = {"printers": pids.pop("printers")}
    assert not _until_gone(pids)
    os.kill(deaf["printers"], signal.SIGKILL)


def test_runner_stops_when_make_is_killed(make_mesh: MakeMesh, tmp_path: Path) -> None:
    mesh = make_mesh()
    (tmp_path / "Makefile").write_text(f"run:\n\t@exec {sys.executable} -m gemba_local\n")
    environment = os.environ | mesh._ports | dict(mesh.settings)
    with mesh.log.open("wb") as log:
        make = subprocess.Popen(
            ["make", "-s", "run"],
            cwd=tmp_path,
            env=environment | {"GEMBA_DATA_DIR": str(mesh.data_dir)},
            stdout=log,
            stderr=log,
        )
    mesh._process = make
    mesh.wait(lambda state: state.get("status") == "ready", "get ready")
    family = mesh.pids()
    make.kill()
    make.wait()
    assert not _until_gone(family)


def test_taken_port_is_named_and_nothing_is_left_running(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        mesh.settings = {**mesh.settings, "GEMBA_TRACKING_PORT": str(port)}
        mesh.spawn()
        assert mesh._running.wait(PATIENCE_S) == 2
    text = mesh.log.read_text()
    assert f"Port {port}, which tracking needs, is taken by another program" in text
    assert f"process {os.getpid()}" in text
    assert "set GEMBA_TRACKING_PORT" in text
    assert not mesh.state


def test_service_that_never_gets_ready_is_named(make_mesh: MakeMesh, stand_ins: Path) -> None:
    mesh = make_mesh(GEMBA_START_TIMEOUT_S="5", PYTHONPATH="")
    broken = mesh.data_dir.with_name("broken")
    subprocess.run(["cp", "-r", stand_ins, broken], check=True)
    (broken / "devices/__main__.py").write_text("raise SystemExit(3)\n")
    mesh.settings = {**mesh.settings, "PYTHONPATH": str(broken)}
    mesh.spawn()
    mesh.wait(lambda state: state.get("status") == "incomplete", "give up waiting")
    assert list(mesh.state["not_ready"]) == ["devices"]
    mesh.wait_said("devices is not ready after 5 s")
    mesh.wait_said("exit code 3")


def test_failed_migration_stops_everything(make_mesh: MakeMesh, stand_ins: Path) -> None:
    mesh = make_mesh(PYTHONPATH="")
    broken = mesh.data_dir.with_name("broken")
    subprocess.run(["cp", "-r", stand_ins, broken], check=True)
    (broken / "common/migrate.py").write_text("raise SystemExit('column is in the way')\n")
    mesh.settings = {**mesh.settings, "PYTHONPATH": str(broken)}
    mesh.spawn()
    assert mesh._running.wait(PATIENCE_S) == 1
    assert "column is in the way" in mesh.log.read_text()
    assert "gemba: migrate failed with exit code 1" in mesh.log.read_text()


def test_killed_warden_is_replaced(running: LocalMesh) -> None:
    old = running.kill("warden")
    running.wait(lambda state: state["warden_pid"] != old, "replace the warden")
    assert survivors(running.pids()) == running.pids()


def test_second_runner_on_the_same_folder_is_refused(running: LocalMesh) -> None:
    other = LocalMesh(running.data_dir, settings=running.settings)
    other.spawn()
    assert other._running.wait(PATIENCE_S) == 2
    assert f"A mesh already runs on {running.data_dir} (process {running.runner_pid})" in (
        running.log.read_text()
    )
    assert survivors(running.pids()) == running.pids()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to move the database")
def test_root_in_a_closed_folder_keeps_the_database_where_nobody_reaches_it(
    running: LocalMesh,
) -> None:
    closed = [folder for folder in running.data_dir.parents if not folder.stat().st_mode & 1]
    assert closed, "pytest's own folder is open only to its user"
    cluster = (running.data_dir / "postgres").readlink()
    assert Path(f"/proc/{running.pid('postgres')}").stat().st_uid == cluster.stat().st_uid != 0
    running.wait_said(f"its data is kept in {cluster}")
    assert running.log.read_text().count(f"its data is kept in {cluster}") == 1


async def test_killed_runner_leaves_no_process_and_no_damage(
    make_mesh: MakeMesh, bystander: "subprocess.Popen[bytes]"
) -> None:
    mesh = make_mesh().start()
    database = await asyncpg.connect(mesh.database_url)
    await database.execute("CREATE TABLE parts (id int); INSERT INTO parts VALUES (7)")
    family = _family(mesh)
    mesh.kill("runner")
    mesh.start()  # at once: it waits for what the killed one has left
    assert not survivors(family)
    again = await asyncpg.connect(mesh.database_url)
    assert await again.fetchval("SELECT id FROM parts") == 7
    database.terminate()

    family = _family(mesh)
    mesh.kill("runner")
    assert not _until_gone(family)
    again.terminate()
    assert bystander.poll() is None
