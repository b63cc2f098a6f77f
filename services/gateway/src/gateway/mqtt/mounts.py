"""Where an identity's topics live: each client sees its own, and nothing else can be named.

A device's `v1/devices/me/…` is `gemba/devices/<public_id>/…`; what else it names is below `_/`
there. A printer's topics are below `gemba/printers/<printer_id>/` as they are. Characters that
NATS cannot have in a subject are percent-encoded, one way in and back the way out.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal
from urllib.parse import unquote

from gateway.mqtt.packets import LONGEST_TOPIC, Malformed

_ENCODED: Final = re.compile(r"[%.*> \x00-\x20\x7f]")
_UNSAFE_IN_ID: Final = re.compile(r"[^A-Za-z0-9_-]")
_MOST_LEVELS: Final = 64
_OWN: Final = "v1/devices/me/"
_OWN_LEVELS: Final = ("v1", "devices", "me")


def encoded_id(identity: str) -> str:
    """An id as one level of a topic: all but letters, digits, `_` and `-` percent-encoded."""
    return _UNSAFE_IN_ID.sub(
        lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), identity
    )


@dataclass(frozen=True)
class Mount:
    """The part of the topic space that belongs to one identity."""

    kind: Literal["device", "printer"]
    identity: str

    @cached_property
    def root(self) -> str:
        """Its topic, with the slash at the end."""
        return f"gemba/{self.kind}s/{encoded_id(self.identity)}/"

    def inward(self, topic: str) -> bytes:
        """The topic that NATS sees.

        Raises:
            Malformed: empty, too long or with wildcards.
        """
        if not topic or len(topic) > LONGEST_TOPIC or "#" in topic or "+" in topic:
            raise Malformed("a topic that nobody may publish to")
        return self._placed(topic)

    def inward_filter(self, pattern: str) -> bytes | None:
        """The filter that NATS sees; None when a client may not subscribe to this.

        Raises:
            Malformed: empty, too long, or with wildcards where there may be none.
        """
        levels = pattern.split("/")
        _check_filter(pattern, levels)
        if pattern.startswith("$"):
            return None
        if pattern == "#":
            return f"{self.root}#".encode()
        if self.kind == "device" and not pattern.startswith(_OWN) and _may_be_own(levels):
            return None
        return self._placed(pattern)

    def outward(self, topic: bytes) -> bytes:
        """The topic that the client knows, of one that NATS has sent."""
        text = topic.decode("utf-8", "replace").removeprefix(self.root)
        text = unquote(text)
        if self.kind == "device":
            text = text[2:] if text.startswith("_/") else _OWN + text
        return text.encode()

    def _placed(self, topic: str) -> bytes:
        if self.kind == "device":
            topic = topic[len(_OWN) :] if topic.startswith(_OWN) else f"_/{topic}"
            if not topic:
                raise Malformed("a topic without a name")
        if _ENCODED.search(topic):
            topic = _ENCODED.sub(lambda match: f"%{ord(match[0]):02X}", topic)
        if topic.count("/") > _MOST_LEVELS:
            raise Malformed("a topic of too many levels")
        return (self.root + topic).encode()


def _check_filter(pattern: str, levels: list[str]) -> None:
    if not pattern or len(pattern) > LONGEST_TOPIC:
        raise Malformed("a filter that is empty or too long")
    for index, level in enumerate(levels):
        if len(level) > 1 and ("+" in level or "#" in level):
            raise Malformed("a wildcard that is not a whole level")
        if level == "#" and index + 1 < len(levels):
            raise Malformed("a # that is not the last level")


def _may_be_own(levels: list[str]) -> bool:
    """True when the filter reaches both the device's own topics and others."""
    for level, own in zip(levels, _OWN_LEVELS, strict=False):
        if level == "#":
            return True
        if level not in ("+", own):
            return False
    return len(levels) > len(_OWN_LEVELS)
