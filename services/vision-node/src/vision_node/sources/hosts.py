"""Which hosts a `url` or `rtsp` source may reach: those that the configuration lists, no others.

A name is resolved once and the address that was judged is the one that is connected to, so that
a name that changes its mind (DNS rebinding) gains nothing.
"""

import ipaddress
import socket
from collections.abc import Sequence
from fnmatch import fnmatchcase
from urllib.parse import SplitResult, urlsplit

from vision_node.sources.errors import SourceError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def checked_url(url: str, *, schemes: Sequence[str]) -> SplitResult:
    """The parts of a sound URL; raises SourceError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SourceError("this is no URL", parameter="url") from None
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        wanted = " or ".join(f"{scheme}://" for scheme in schemes)
        raise SourceError(f"the URL must begin with {wanted} and name a host", parameter="url")
    return parts


def allowed_address(host: str, port: int, allowed: Sequence[str]) -> str:
    """The address to connect to; raises SourceError where the host is not to be reached.

    `allowed` holds names (`*.plant.example`), addresses and networks (`10.2.0.0/16`). An address
    that is not public must be listed as such: a name alone does not open it.
    """
    networks = [network for entry in allowed if (network := _network(entry)) is not None]
    is_named = any(fnmatchcase(host.lower(), entry.lower()) for entry in allowed)
    found = _resolved(host, port)
    for address in found:
        is_listed = any(address in network for network in networks)
        if not is_listed and not (is_named and address.is_global and not address.is_multicast):
            raise SourceError(
                f"the host {host!r} is not among those that this node may reach", parameter="url"
            )
    return str(found[0])


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


def _resolved(host: str, port: int) -> list[Address]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise SourceError(f"the host {host!r} cannot be found", parameter="url") from None
    return [_plain(ipaddress.ip_address(str(answer[4][0]).partition("%")[0])) for answer in answers]


def _plain(address: Address) -> Address:
    """An IPv4 address may hide in an IPv6 one."""
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
