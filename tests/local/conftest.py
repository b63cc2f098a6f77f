"""A mesh with real PostgreSQL and NATS, whose services are stand-ins."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gemba_local.mesh import LocalMesh
from gemba_local.services import SERVICES, Service

STAND_IN = Path(__file__).with_name("stand_in.py")
MakeMesh = Callable[..., LocalMesh]


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that, put first on PYTHONPATH, replaces every service by its stand-in."""
    folder = tmp_path_factory.mktemp("stand_ins")
    for service in (Service("common"), *SERVICES):
        package, place = service.package, folder.joinpath(*service.module.split("."))
        place.mkdir()
        (place / "__init__.py").touch()
        (place / "__main__.py").write_text(
            f"import os, sys\n"
            f"os.execv({sys.executable!r}, [{sys.executable!r}, '-S', {str(STAND_IN)!r},"
            f" {package!r}])\n"
        )
    (folder / "common" / "migrate.py").write_text("print('nothing to migrate')\n")
    return folder


@pytest.fixture
def make_mesh(tmp_path: Path, stand_ins: Path) -> Iterator[MakeMesh]:
    """Make meshes of stand-ins below `tmp_path`; what still runs is stopped, all is erased."""
    made: list[LocalMesh] = []

    def make(name: str = "data", **settings: str) -> LocalMesh:
        defaults = {"PYTHONPATH": str(stand_ins), "GEMBA_STOP_TIMEOUT_S": "2"}
        mesh = LocalMesh(tmp_path / name, settings=defaults | settings)
        made.append(mesh)
        return mesh

    yield make
    for mesh in made:
        mesh.__exit__(None, None, None)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, stand_ins: Path) -> Iterator[LocalMesh]:
    """One mesh of stand-ins for all tests that leave it running."""
    settings = {"PYTHONPATH": str(stand_ins), "GEMBA_STOP_TIMEOUT_S": "2"}
    with LocalMesh(tmp_path_factory.mktemp("mesh") / "data", settings=settings) as mesh:
        yield mesh


@pytest.fixture
def bystander() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has nothing to do with the mesh and must outlive it."""
    process = subprocess.Popen(["/bin/sleep", "1000"])
    yield process
    process.kill()
    process.wait()
