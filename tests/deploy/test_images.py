"""Does what `deploy/Dockerfile` does, without Docker: undeclared dependencies and files show."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.callers import TRUSTS_NOBODY
from tests.infrastructure import free_port
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
UV = ROOT / ".tools" / "bin" / "uv"
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
SERVICES = [
    "gateway", "orchestrator", "vision-node", "tracking", "printers", "devices", "cluster",
]  # fmt: skip


def build_steps() -> list[list[str]]:
    """What the stage `build` copies from the checkout and runs, in order; pip's uv is here."""
    stage = DOCKERFILE.split("FROM python", 2)[1]
    lines = [line.split() for line in stage.splitlines() if re.match(r"(COPY|RUN uv) ", line)]
    assert any(line[0] == "RUN" for line in lines)
    return lines


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tracked files alone, as a build context has them."""
    folder = tmp_path_factory.mktemp("context")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    kept = [name for name in listed.split(b"\0") if name and (ROOT / os.fsdecode(name)).is_file()]
    subprocess.run(
        ["tar", "--create", "--null", "--files-from=-", "--file", folder / "context.tar"],
        cwd=ROOT, input=b"\0".join(kept), check=True,
    )  # fmt: skip
    subprocess.run(["tar", "--extract", "--file", folder / "context.tar"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every image is built, one after the other: what Python compiles lies by its path."""
    return tmp_path_factory.mktemp("image")


def build(service: str, *, context: Path, place: Path) -> Path:
    """Run the steps for one service in an empty place; the folder that becomes `/app`."""
    source, app = place / "src", place / "app"
    for folder in (source, app):
        shutil.rmtree(folder, ignore_errors=True)
    source.mkdir()
    environment = {
        "PATH": f"{UV.parent}:{os.environ['PATH']}",
        "HOME": os.environ["HOME"],
        "SERVICE": service,
        "UV_PROJECT_ENVIRONMENT": str(app),
        "UV_PYTHON": sys.executable,
        "UV_SYSTEM_CERTS": "1",
        **{name: value for name, value in os.environ.items() if name.startswith("UV_")},
    }
    for kind, *words in build_steps():
        if kind == "COPY":
            *what, where = words
            for one in what:
                target = source / where / (Path(one).name if where.endswith("/") else "")
                target.parent.mkdir(parents=True, exist_ok=True)
                subprocess.run(["cp", "-rT", context / one, target], check=True)
        else:
            done = subprocess.run(
                ["sh", "-c", " ".join(words)],
                cwd=source, env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
    return app


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_from_what_its_image_holds(
    service: str, checkout: Path, workshop: Path, tmp_path: Path
) -> None:
    app = build(service, context=checkout, place=workshop)
    assert not (app / "bin" / "pytest").exists()
    package = service.replace("-", "_")
    port, empty = free_port(), tmp_path / "data"
    empty.mkdir()
    environment = {
        "PATH": f"{app}/bin:/usr/bin:/bin",
        "PYTHONPYCACHEPREFIX": str(workshop / "compiled"),
        "GEMBA_DATA_DIR": str(empty),
        f"GEMBA_{package.upper()}_PORT": str(port),
        # Nobody answers at any of these: a service waits for what it needs.
        "GEMBA_DATABASE_URL": "postgresql+asyncpg://nobody:x@127.0.0.1:1/x",
        "GEMBA_NATS_URL": "nats://127.0.0.1:1",
        "GEMBA_GATEWAY_URL": "http://127.0.0.1:1",
        "GEMBA_SIGNING_KEY_FILE": str(_signing_key(tmp_path)),
        "GEMBA_MESH_SECRET": "x" * 64,
        "GEMBA_SERVICE_SECRET": "x" * 64,
        "GEMBA_MACHINE_KEY": "sk_live_" + "x" * 43,
        "GEMBA_PROBE_URL": f"http://127.0.0.1:{port}/healthz",
        "SERVICE": service,
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*_command()], cwd=empty, env=environment, stderr=log, stdout=log
        )
    try:
        _wait_until_alive(process, port, log=tmp_path / "log")
        probe = [f"{app}/bin/python", "-m", "common.probe"]
        assert subprocess.run(probe, env=environment, cwd=empty, check=False).returncode == 0
        if service != "vision-node":
            migrate = [f"{app}/bin/python", "-c", f"import {package}.models, common.migrate"]
            subprocess.run(migrate, env=environment, cwd=empty, check=True)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
    assert process.returncode in (0, -signal.SIGTERM), (tmp_path / "log").read_text()


def _command() -> list[str]:
    """The image's CMD."""
    found = re.search(r"^CMD \[(.*)\]$", DOCKERFILE, re.MULTILINE)
    assert found is not None
    return [part.strip().strip('"') for part in found.group(1).split('", "')]


def _signing_key(folder: Path) -> Path:
    path = folder / "signing_key.pem"
    make = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    path.write_bytes(subprocess.run(make, check=True, capture_output=True).stdout)
    return path


def _wait_until_alive(process: "subprocess.Popen[bytes]", port: int, *, log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None, log.read_text()
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/healthz", verify=TRUSTS_NOBODY)
            assert answer.status_code == 200
            return
        except httpx.TransportError:
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
