"""An answer's head leaves with its body, in one write: a write costs more than making either."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class OneWriteProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which by itself writes the head of an answer as soon as it is known."""

    def on_headers_complete(self) -> None:
        """Let the request that begins now answer through a transport that waits for the body."""
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            held: Any = _HeldHead(self.cycle.transport)
            self.cycle.transport = held


class _HeldHead:
    """What one answer does with its transport: the first write waits for the second."""

    __slots__ = ("_has_begun", "_held", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._held = b""
        self._has_begun = False

    def write(self, data: bytes) -> None:
        """Send it; the first time with what follows in this turn of the loop."""
        if not self._has_begun:
            self._has_begun = True
            self._held = data
            asyncio.get_running_loop().call_soon(self._release)
        elif self._held:
            held, self._held = self._held, b""
            self._transport.writelines((held, data))
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close once everything is sent."""
        self._release()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return bool(self._transport.is_closing())

    def _release(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)
