"""What is decided before anything runs: settings, ports, secrets, the data folder."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gemba_local.folder import DataFolder, hold, open_folder
from gemba_local.ports import settle
from gemba_local.problems import ConfigurationError
from gemba_local.secrets import load_secrets
from gemba_local.settings import RunnerSettings, settings_table

RANGE = range(26000, 27000)


def _run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "gemba_local", *arguments],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_table_has_every_setting_with_default_and_meaning() -> None:
    printed = _run("--settings").stdout
    assert printed.strip() == settings_table()
    for name in RunnerSettings.model_fields:
        assert f"| `GEMBA_{name.upper()}` |" in printed
    assert "| `GEMBA_GATEWAY_PORT` | `8000` |" in printed


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("GEMBA_GATEWAY_PORT", "eighty", "GEMBA_GATEWAY_PORT: "),
        ("GEMBA_CLUSTER_PORT", "70000", "GEMBA_CLUSTER_PORT: "),
        ("GEMBA_TRACKING_PORT", "8000", "GEMBA_GATEWAY_PORT and GEMBA_TRACKING_PORT are both"),
        ("GEMBA_EMBEDDED_PORTS", "9-1", "GEMBA_EMBEDDED_PORTS: must be two ports"),
        ("GEMBA_ADMIN_PASSWORD", "hunter2", "GEMBA_ADMIN_PASSWORD: "),
        ("GEMBA_DATA_DIR", "/dev/null/data", "The data folder /dev/null/data cannot be used"),
    ],
)
def test_wrong_setting_is_named_and_its_value_kept_secret(
    setting: str, value: str, complaint: str, tmp_path: Path
) -> None:
    ended = _run(**{"GEMBA_DATA_DIR": str(tmp_path), setting: value})
    assert ended.returncode == 2
    assert complaint in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr


def test_folder_that_is_no_mesh_is_never_erased(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("my only copy")
    ended = _run("--erase", GEMBA_DATA_DIR=str(tmp_path))
    assert ended.returncode == 2
    assert "holds no mesh" in ended.stderr
    assert (tmp_path / "thesis.txt").exists()


def test_picked_ports_stay_unless_taken(tmp_path: Path) -> None:
    folder = open_folder(tmp_path)
    wanted = {"postgres": 0, "nats": 0}
    first = settle(folder, wanted, candidates=RANGE, avoid=())
    assert settle(folder, wanted, candidates=RANGE, avoid=()) == first
    with socket.create_server(("127.0.0.1", first["nats"])):
        second = settle(folder, wanted, candidates=RANGE, avoid=())
    assert second["postgres"] == first["postgres"]
    assert second["nats"] != first["nats"]


def test_set_port_of_an_embedded_server_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"Port {port}, which nats needs, is taken"):
            settle(open_folder(tmp_path), {"nats": port}, candidates=RANGE, avoid=())


def test_secrets_stay_the_same(tmp_path: Path) -> None:
    folder = open_folder(tmp_path)
    first = load_secrets(folder)
    assert load_secrets(folder) == first
    assert first.machine_key.startswith("sk_live_")
    assert len(first.machine_key) == len("sk_live_") + 43
    assert first.service_secret("tracking") != first.service_secret("devices")
    (folder.secrets / "mesh_secret").chmod(0o644)
    load_secrets(folder)
    assert (folder.secrets / "mesh_secret").stat().st_mode & 0o777 == 0o600


def test_database_without_its_password_is_told(tmp_path: Path) -> None:
    folder = open_folder(tmp_path)
    load_secrets(folder)
    folder.cluster.mkdir()
    (folder.secrets / "postgres_password").unlink()
    with pytest.raises(ConfigurationError, match="postgres_password is missing"):
        load_secrets(folder)


def test_lock_of_a_dead_holder_is_free_at_once(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    code = f"from gemba_local.folder import *; hold(DataFolder(Path({str(tmp_path)!r})))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    lock = hold(folder, patience_s=0)
    with pytest.raises(ConfigurationError, match="A mesh already runs"):
        hold(folder, patience_s=0)
    os.close(lock)
