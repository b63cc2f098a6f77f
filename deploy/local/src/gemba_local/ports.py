"""Ports: which are free, who holds a taken one, and the picked ones that stay the same."""

import random
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from gemba_local.folder import DataFolder, read_json, write_json
from gemba_local.problems import ConfigurationError

_LISTENING = "0A"  # state column of /proc/net/tcp


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def holder_of(port: int) -> str:
    """Who listens on this port, as `name, process 123`; empty where that cannot be seen."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").glob("[0-9]*") if sockets else ():
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                if str(descriptor.readlink()) in sockets:
                    name = (process / "comm").read_text().strip()
                    return f"{name}, process {process.name}"
    return ""


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                columns = line.split()
                taken = int(columns[1].rsplit(":", 1)[1], 16)
                if taken == port and columns[3] == _LISTENING:
                    inodes.add(columns[9])
    return inodes


def pick(candidates: range, *, avoid: Iterable[int] = ()) -> int:
    """A free port among the candidates, not one of those to avoid.

    Raises ConfigurationError when none is free.
    """
    taken = set(avoid)
    for port in random.sample(candidates, len(candidates)):
        if port not in taken and is_free(port):
            return port
    raise ConfigurationError(
        f"No port from {candidates[0]} to {candidates[-1]} is free for the embedded servers; "
        "set GEMBA_EMBEDDED_PORTS to another range."
    )


def settle(
    folder: DataFolder, wanted: Mapping[str, int], *, candidates: range, avoid: Iterable[int]
) -> dict[str, int]:
    """The ports of the embedded servers: as set, else the last time's, else newly picked.

    `wanted` has the set port of each, 0 where the choice is ours; what was chosen is kept for
    the next start. Raises ConfigurationError when a set port is taken.
    """
    kept = read_json(folder.ports)
    settled: dict[str, int] = {}
    reserved = set(avoid) | {port for port in wanted.values() if port}
    for name, port in wanted.items():
        before = kept.get(name)
        if port:
            settled[name] = port
            if not is_free(port):
                raise taken(port, user=name, setting=f"GEMBA_{name.upper()}_PORT")
        elif isinstance(before, int) and before not in reserved and is_free(before):
            settled[name] = before
        else:
            settled[name] = pick(candidates, avoid=reserved | set(settled.values()))
    write_json(folder.ports, dict(settled))
    return settled


def taken(port: int, *, user: str, setting: str) -> ConfigurationError:
    """The error that says whose port it is and what to do about it."""
    holder = holder_of(port)
    by = f" ({holder})" if holder else ""
    return ConfigurationError(
        f"Port {port}, which {user} needs, is taken by another program{by}. "
        f"Stop that program, or set {setting} to a free port."
    )
