"""WebSocket frames that are made once and written to many clients.

Unmasked server frames are the same bytes for everyone. uvicorn's protocol would make each anew,
behind an await and two wrappers; written straight to the transport, a delivery costs what the
operating system takes. Everything else about the socket stays uvicorn's.
"""

from collections.abc import Callable
from typing import Final

from fastapi import WebSocket
from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN

_EXTENSION: Final = "gemba.frames"


def text_frame(payload: bytes) -> bytes:
    """A whole text message as a server sends it."""
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


class FramedProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, with a door for frames that are made already."""

    on_room: Callable[[], None] | None = None

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.handshake_initiated and not self.handshake_complete:
            self.scope["extensions"][_EXTENSION] = {"protocol": self}

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.on_room is not None:
            self.on_room()

    @property
    def has_room(self) -> bool:
        """True while the client keeps up: what was written has mostly been sent."""
        return self.writable.is_set()

    @property
    def is_open(self) -> bool:
        """True while frames may be written."""
        return (
            self.handshake_complete
            and not self.close_sent
            and self.conn.state is OPEN
            and not self.transport.is_closing()
        )

    def write_frame(self, frame: bytes) -> None:
        """Write a frame, whatever room there is; the caller looks at `has_room` first."""
        self.transport.write(frame)

    def drop(self, code: int, *, reason: str, linger_s: float) -> None:
        """Close a client that may not be reading: it gets the code if it reads in time."""
        if self.is_open:
            self.conn.send_close(code, reason)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            self.queue.put_nowait({"type": "websocket.disconnect", "code": code})
        self.loop.call_later(linger_s, self.transport.abort)


def protocol_of(websocket: WebSocket) -> FramedProtocol | None:
    """The protocol under an accepted socket; None where another server runs the app."""
    return _protocol_of(websocket.scope)


def protocol_under(scope: Scope) -> FramedProtocol:
    """The protocol under a socket of `common.serve`.

    Raises:
        LookupError: another server runs the app.
    """
    protocol = _protocol_of(scope)
    if protocol is None:
        raise LookupError("this server has no door for frames")
    return protocol


def _protocol_of(scope: Scope) -> FramedProtocol | None:
    door = scope.get("extensions", {}).get(_EXTENSION)
    return door["protocol"] if door else None
