"""Whatever is sent to any documented path, the answer is a documented one, and never a 5xx.

The same cases each time; `make fuzz` goes on with others.
"""

from collections.abc import Iterator

import httpx
import pytest
from bench.fuzz import a_mesh, key_for_everything, run

from gemba_local.mesh import LocalMesh

SEED = 1


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMesh]:
    """A mesh of its own: the run changes settings and rules."""
    with a_mesh(tmp_path_factory.mktemp("fuzzed") / "data") as mesh:
        yield mesh


def test_an_admin_gets_only_documented_answers(
    fuzzed: LocalMesh, capfd: pytest.CaptureFixture[str]
) -> None:
    code = run(fuzzed, seconds=30, key=key_for_everything(fuzzed), seed=SEED)
    assert code == 0, capfd.readouterr().out[-8000:]
    assert httpx.get(f"{fuzzed.url}/healthz").status_code == 200


def test_a_stranger_gets_only_documented_answers(
    fuzzed: LocalMesh, capfd: pytest.CaptureFixture[str]
) -> None:
    code = run(fuzzed, seconds=8, key=None, seed=SEED)
    assert code == 0, capfd.readouterr().out[-8000:]
