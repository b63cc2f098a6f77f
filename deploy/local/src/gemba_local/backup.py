"""Backup and restore of a whole mesh on one machine: database, secrets, and the services' files.

A backup is a folder: `database.dump` (PostgreSQL's own format, taken in one snapshot while the mesh
runs), `secrets/`, and `services/` (pictures, overlays, results that wait). Events in NATS live an
hour and are not kept. Whoever holds a backup holds every secret of the mesh.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from gemba_local.children import ChildSpec
from gemba_local.folder import DataFolder
from gemba_local.problems import ConfigurationError, RunnerError
from gemba_local.shelter import programs

_DUMP: Final = "database.dump"
_DUMP_S: Final = 3600.0


def save(folder: DataFolder, to: Path, *, database_url: str) -> None:
    """Write a backup of a running mesh; the folder appears when it is whole.

    Raises:
        ConfigurationError: the folder exists, or there is no mesh.
        RunnerError: PostgreSQL does not answer, or the disk is full.
    """
    if not (folder.secrets / "mesh_secret").exists():
        raise ConfigurationError(f"{folder.root} holds no mesh.")
    if to.exists():
        raise ConfigurationError(f"{to} exists already; name a new folder.")
    draft = to.with_name(f"{to.name}.partial")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    # Everything, not our schemas by name: services keep partitions in schemas of their own making.
    dumped = subprocess.run(
        [programs() / "pg_dump", "--format=custom", "--no-owner", f"--file={draft / _DUMP}"],
        env=_connection(database_url), capture_output=True, text=True, check=False,
        timeout=_DUMP_S,
    )  # fmt: skip
    if dumped.returncode:
        raise RunnerError(f"The database could not be saved: {dumped.stderr.strip()[:500]}")
    # After the database: what it names is in these folders by then.
    shutil.copytree(folder.secrets, draft / "secrets")
    shutil.copytree(folder.root / "services", draft / "services", ignore_dangling_symlinks=True)
    draft.rename(to)


def lay_out(folder: DataFolder, source: Path) -> Path:
    """Put a backup's files into an empty data folder; says where the database's dump is.

    Raises:
        ConfigurationError: it is no backup, or the folder holds a mesh already.
    """
    dump = source / _DUMP
    if not dump.is_file() or not (source / "secrets" / "mesh_secret").is_file():
        raise ConfigurationError(f"{source} is no backup of a mesh.")
    if folder.secrets.exists() or os.path.lexists(folder.cluster):
        raise ConfigurationError(
            f"{folder.root} holds a mesh already; restore into an empty folder (GEMBA_DATA_DIR)."
        )
    shutil.copytree(source / "secrets", folder.secrets)
    shutil.copytree(source / "services", folder.root / "services")
    return dump.resolve()


def restoration_spec(dump: Path, *, database_url: str) -> ChildSpec:
    """How to bring the database back, before its schemas are brought up to date."""
    return ChildSpec(
        name="restore",
        command=(
            str(programs() / "pg_restore"), "--no-owner", "--no-comments", "--exit-on-error",
            "--single-transaction", f"--dbname={urlsplit(database_url).path.lstrip('/')}",
            str(dump),
        ),
        environment=_connection(database_url),
    )  # fmt: skip


def _connection(database_url: str) -> dict[str, str]:
    """The address as PostgreSQL's programs read it; a password belongs on no command line."""
    url = urlsplit(database_url)
    return {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "PGHOST": url.hostname or "127.0.0.1",
        "PGPORT": str(url.port or 5432),
        "PGUSER": unquote(url.username or ""),
        "PGPASSWORD": unquote(url.password or ""),
        "PGDATABASE": url.path.lstrip("/"),
    }
