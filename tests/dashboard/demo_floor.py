"""The demo floor as a process of its own, for a mesh that somebody else started."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gemba_local.mesh import LocalMesh
from tests.patience import PATIENCE_S

_ROOT: Final = Path(__file__).parents[2]
_COMMAND: Final = [sys.executable, "-m", "demo.floor"]


@contextmanager
def demo_floor(mesh: LocalMesh, *, log: Path) -> Iterator[None]:
    """The mesh has the demo floor until the block ends.

    It is removed then: its cameras would go on being inspected, which takes most of a core.
    """
    environment = {name: text for name, text in os.environ.items() if name[:6] != "GEMBA_"}
    environment |= {"GEMBA_DATA_DIR": str(mesh.data_dir), "PYTHONPATH": str(_ROOT)}
    with log.open("wb") as file:
        process = subprocess.Popen(_COMMAND, env=environment, stdout=file, stderr=file)
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)
            subprocess.run(
                [*_COMMAND, "--clean"],
                env=environment, stdout=file, stderr=file, check=False, timeout=PATIENCE_S,
            )  # fmt: skip
