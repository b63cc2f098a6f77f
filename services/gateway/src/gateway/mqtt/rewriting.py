"""Rewrites packets between a client and the listener behind: topics, filters, versions."""

from typing import Final

from gateway.mqtt.connect import LEVEL_31
from gateway.mqtt.mounts import Mount
from gateway.mqtt.packets import (
    ACCEPTED,
    CONNACK,
    DISCONNECT,
    FAILURE,
    LONGEST_TOPIC,
    PINGREQ,
    PUBACK,
    PUBCOMP,
    PUBLISH,
    PUBREC,
    PUBREL,
    SUBACK,
    SUBSCRIBE,
    UNAVAILABLE,
    UNSUBACK,
    UNSUBSCRIBE,
    Malformed,
    field,
    packet,
    read_field,
    read_text,
)

_KNOWN_TOPICS: Final = 256
_MOST_FILTERS: Final = 100
_MOST_PENDING: Final = 100
_FLAGS: Final = {PUBREL: 2, SUBSCRIBE: 2, UNSUBSCRIBE: 2}
_LENGTHS: Final = {PUBACK: 2, PUBREC: 2, PUBREL: 2, PUBCOMP: 2, PINGREQ: 0, DISCONNECT: 0}


class Rewriter:
    """The two directions of one connection."""

    def __init__(self, mount: Mount, *, level: int) -> None:
        self._mount = mount
        self._is_31 = level == LEVEL_31
        self._inward: dict[bytes, bytes] = {}
        self._outward: dict[bytes, bytes] = {}
        # By packet id: the answer for each filter, None where NATS gives it.
        self._pending: dict[bytes, list[int | None]] = {}

    def up(self, first: int, body: bytes) -> tuple[bytes, bytes]:
        """What to send to NATS, and what to answer the client at once.

        Raises:
            Malformed: the packet breaks a rule, or only a server may send it.
        """
        kind = first >> 4
        if kind == PUBLISH:
            return self._publish(first, body), b""
        if not self._is_31 and first & 0x0F != _FLAGS.get(kind, 0):
            raise Malformed("reserved flags")
        first = kind << 4 | _FLAGS.get(kind, 0)
        if kind == SUBSCRIBE:
            return self._subscribe(first, body)
        if kind == UNSUBSCRIBE:
            return self._unsubscribe(first, body)
        if _LENGTHS.get(kind) != len(body):
            raise Malformed(f"a packet of kind {kind} and {len(body)} bytes")
        return packet(first, body), b""

    def down(self, first: int, body: bytes) -> bytes:
        """What to send to the client."""
        kind = first >> 4
        if kind == PUBLISH:
            topic, at = read_field(body, 0)
            known = self._outward.get(topic)
            if known is None:
                known = self._remember(self._outward, topic, self._mount.outward(topic))
            return packet(first, field(known) + body[at:])
        if kind == CONNACK and len(body) == 2:
            # Our own credentials are at fault, not the client's.
            code = body[1] if body[1] == ACCEPTED else UNAVAILABLE
            return packet(first, bytes((0 if self._is_31 else body[0], code)))
        if kind == SUBACK and (answers := self._pending.pop(body[:2], None)) is not None:
            given = iter(body[2:])
            merged = [next(given, FAILURE) if answer is None else answer for answer in answers]
            return packet(first, body[:2] + bytes(merged))
        return packet(first, body)

    def _publish(self, first: int, body: bytes) -> bytes:
        qos = first >> 1 & 3
        if qos == 3 or (qos == 0 and first & 0x08):
            raise Malformed("a QoS that there is not")
        topic, at = read_field(body, 0)
        known = self._inward.get(topic)
        if known is None:
            text, _ = read_text(body, 0)
            known = self._remember(self._inward, topic, self._mount.inward(text))
        if qos and body[at : at + 2] in (b"\0\0", b"", b"\0"):
            raise Malformed("PUBLISH without a packet id")
        return packet(first, field(known) + body[at:])

    def _remember(self, memory: dict[bytes, bytes], topic: bytes, known: bytes) -> bytes:
        if len(topic) <= LONGEST_TOPIC:
            if len(memory) >= _KNOWN_TOPICS:
                memory.clear()
            memory[topic] = known
        return known

    def _subscribe(self, first: int, body: bytes) -> tuple[bytes, bytes]:
        identifier, at = _identifier(body)
        rewritten, answers = b"", list[int | None]()
        while at < len(body):
            pattern, at = read_text(body, at)
            if at >= len(body) or body[at] > 2:
                raise Malformed("SUBSCRIBE with a QoS that there is not")
            placed = self._mount.inward_filter(pattern)
            answers.append(FAILURE if placed is None else None)
            if placed is not None:
                rewritten += field(placed) + body[at : at + 1]
            at += 1
        _check_count(answers)
        if not rewritten:
            return b"", packet(SUBACK << 4, identifier + bytes([FAILURE] * len(answers)))
        if FAILURE in answers:
            if len(self._pending) >= _MOST_PENDING:
                raise Malformed("too many SUBSCRIBE under way")
            self._pending[identifier] = answers
        return packet(first, identifier + rewritten), b""

    def _unsubscribe(self, first: int, body: bytes) -> tuple[bytes, bytes]:
        identifier, at = _identifier(body)
        rewritten, seen = b"", list[int | None]()
        while at < len(body):
            pattern, at = read_text(body, at)
            seen.append(None)
            placed = self._mount.inward_filter(pattern)
            if placed is not None:
                rewritten += field(placed)
        _check_count(seen)
        if not rewritten:
            return b"", packet(UNSUBACK << 4, identifier)
        return packet(first, identifier + rewritten), b""


def _identifier(body: bytes) -> tuple[bytes, int]:
    identifier = body[:2]
    if len(identifier) < 2 or identifier == b"\0\0":
        raise Malformed("a packet without its id")
    return identifier, 2


def _check_count(filters: list[int | None]) -> None:
    if not 0 < len(filters) <= _MOST_FILTERS:
        raise Malformed(f"{len(filters)} filters in one packet")
