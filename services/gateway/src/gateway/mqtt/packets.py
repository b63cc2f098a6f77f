"""MQTT packets as bytes: framing and fields (MQTT 3.1 and 3.1.1), nothing of a connection."""

import struct
from typing import Final

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = range(8, 15)
ACCEPTED, BAD_PROTOCOL, BAD_CLIENT_ID, UNAVAILABLE, BAD_CREDENTIALS, NOT_AUTHORIZED = range(6)
FAILURE: Final = 0x80
LONGEST_TOPIC: Final = 1024
_LENGTH: Final = struct.Struct("!H")
_LENGTH_BYTES: Final = 4


class Malformed(Exception):
    """What arrived is not MQTT, or breaks one of its rules: the connection ends."""


class Splitter:
    """Cuts a stream of bytes into packets; holds at most one packet that is not complete."""

    def __init__(self, *, largest: int) -> None:
        self._largest = largest
        self._buffer = bytearray()
        self._at = 0

    def allow(self, largest: int) -> None:
        """Take packets up to this size from now on."""
        self._largest = largest

    def feed(self, data: bytes) -> None:
        """Take what has arrived."""
        if self._at:
            del self._buffer[: self._at]
            self._at = 0
        self._buffer += data

    @property
    def first(self) -> int | None:
        """The first byte of the next packet, None while nothing of it has come."""
        return self._buffer[self._at] if self._at < len(self._buffer) else None

    def next(self) -> tuple[int, bytes] | None:
        """The first byte and the body of the next packet, None while it is not complete.

        Raises:
            Malformed: a length of more than four bytes, or larger than is taken.
        """
        buffer, at = self._buffer, self._at
        length, shift, place = 0, 0, at + 1
        while True:
            if place >= len(buffer):
                return None
            byte = buffer[place]
            place += 1
            length |= (byte & 0x7F) << shift
            if not byte & 0x80:
                break
            shift += 7
            if shift >= 7 * _LENGTH_BYTES:
                raise Malformed("a length of more than four bytes")
        if length > self._largest:
            raise Malformed(f"a packet of {length} bytes")
        end = place + length
        if end > len(buffer):
            return None
        self._at = end
        return buffer[at], bytes(buffer[place:end])


def packet(first: int, body: bytes) -> bytes:
    """A packet with its length."""
    length = len(body)
    if length < 0x80:
        return bytes((first, length)) + body
    head = bytearray((first,))
    while length >= 0x80:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + body


def field(content: bytes) -> bytes:
    """A field with its length in front."""
    return _LENGTH.pack(len(content)) + content


def read_field(body: bytes, at: int) -> tuple[bytes, int]:
    """The field at this place, and the place after it.

    Raises:
        Malformed: the packet ends within it.
    """
    end = at + 2
    if end > len(body):
        raise Malformed("a field is cut short")
    end += _LENGTH.unpack_from(body, at)[0]
    if end > len(body):
        raise Malformed("a field is cut short")
    return body[at + 2 : end], end


def read_text(body: bytes, at: int) -> tuple[str, int]:
    """The text field at this place, and the place after it.

    Raises:
        Malformed: cut short, no UTF-8, or with NUL.
    """
    content, end = read_field(body, at)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("text that is no UTF-8") from error
    if "\0" in text:
        raise Malformed("text with NUL")
    return text, end


def connack(code: int) -> bytes:
    """The answer to CONNECT."""
    return bytes((CONNACK << 4, 2, 0, code))
