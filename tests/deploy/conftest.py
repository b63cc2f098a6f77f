"""Programs that only deploy files need; `deploy/tools.sh` fetches them, and `.ci/run` calls it."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def program(name: str) -> str:
    """Where a program is; the test is skipped, and says why, where it is nowhere."""
    places = os.pathsep.join([str(ROOT / ".tools" / "bin"), os.environ.get("PATH", "")])
    found = shutil.which(name, path=places)
    if found is None:
        pytest.skip(f"{name} is not here: `deploy/tools.sh` fetches it")
    return found
