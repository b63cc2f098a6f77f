"""CONNECT of MQTT 3.1 and 3.1.1: read strictly, and written anew for the listener behind."""

from dataclasses import dataclass
from typing import Final

from gateway.mqtt.packets import CONNECT, Malformed, field, packet, read_field, read_text

LEVEL_31, LEVEL_311 = 3, 4
_PROTOCOLS: Final = {("MQIsdp", LEVEL_31), ("MQTT", LEVEL_311)}
_CLEAN, _WILL, _WILL_QOS, _WILL_RETAIN, _PASSWORD, _USER = 0x02, 0x04, 0x18, 0x20, 0x40, 0x80
_MOST_QOS: Final = 2


class UnknownProtocol(Exception):
    """MQTT of a version that is not spoken here, such as 5."""


@dataclass(frozen=True, slots=True)
class Will:
    """What is published for a client that vanishes."""

    topic: str
    payload: bytes
    qos: int
    is_retained: bool


@dataclass(frozen=True, slots=True)
class Connect:
    """A client's first packet."""

    level: int
    client_id: str
    is_clean: bool
    keep_alive_s: int
    will: Will | None
    user: str | None
    password: str | None


def read_connect(body: bytes) -> Connect:
    """The client's CONNECT.

    Raises:
        Malformed: it breaks a rule of the protocol.
        UnknownProtocol: it is of another version.
    """
    protocol, at = read_text(body, 0)
    if at + 4 > len(body):
        raise Malformed("CONNECT is cut short")
    level, flags = body[at] & 0x7F, body[at + 1]
    if (protocol, level) not in _PROTOCOLS:
        if protocol in ("MQTT", "MQIsdp"):
            raise UnknownProtocol(f"{protocol} {level}")
        raise Malformed("no MQTT")
    keep_alive_s = int.from_bytes(body[at + 2 : at + 4], "big")
    if flags & 0x01 or (flags & _WILL_QOS) >> 3 > _MOST_QOS:
        raise Malformed("reserved flags of CONNECT")
    if not flags & _WILL and flags & (_WILL_QOS | _WILL_RETAIN):
        raise Malformed("flags of a will without a will")
    if flags & _PASSWORD and not flags & _USER and level == LEVEL_311:
        raise Malformed("a password without a user name")
    client_id, at = read_text(body, at + 4)
    will, at = _read_will(body, at, flags=flags)
    user, at = read_text(body, at) if flags & _USER else (None, at)
    password, at = _read_password(body, at) if flags & _PASSWORD else (None, at)
    if at != len(body):
        raise Malformed("bytes after CONNECT")
    return Connect(level, client_id, bool(flags & _CLEAN), keep_alive_s, will, user, password)


def _read_will(body: bytes, at: int, *, flags: int) -> tuple[Will | None, int]:
    if not flags & _WILL:
        return None, at
    topic, at = read_text(body, at)
    payload, at = read_field(body, at)
    return Will(topic, payload, (flags & _WILL_QOS) >> 3, bool(flags & _WILL_RETAIN)), at


def _read_password(body: bytes, at: int) -> tuple[str, int]:
    content, at = read_field(body, at)
    # A password may be any bytes; what is no UTF-8 fits no key of ours.
    return content.decode("utf-8", "replace"), at


def write_connect(
    client: Connect, *, client_id: str, will_topic: bytes, user: str, password: str
) -> bytes:
    """The CONNECT for the listener behind: always 3.1.1, with the mesh's own credentials."""
    flags = _USER | _PASSWORD | (_CLEAN if client.is_clean else 0)
    if client.will is not None:
        flags |= _WILL | client.will.qos << 3
        flags |= _WILL_RETAIN if client.will.is_retained else 0
    body = field(b"MQTT") + bytes((LEVEL_311, flags)) + client.keep_alive_s.to_bytes(2, "big")
    body += field(client_id.encode())
    if client.will is not None:
        body += field(will_topic) + field(client.will.payload)
    return packet(CONNECT << 4, body + field(user.encode()) + field(password.encode()))
