"""The node's log lines on their way to the cluster service, by the gateway: it has no bus."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from pydantic import ValidationError

from common.schemas.mesh import LogLine
from common.schemas.vision import NodeLogs
from common.shipping import LogBuffer
from vision_node.gateway import Away, Gateway, Refused

_EVERY_S: Final = 1.0
_BATCH_BYTES: Final = 256 * 1024
_MOST_LINES: Final = 1000
_LAST_S: Final = 0.5
_WAIT_AFTER_TROUBLE_S: Final = 5.0


class LogShipping:
    """Sends what has gathered; what cannot be sent now is tried once more, then given up."""

    def __init__(self, gateway: Gateway, *, machine_id: Callable[[], str | None]) -> None:
        self._gateway = gateway
        self._machine_id = machine_id
        self._buffer = LogBuffer("vision-node")
        self._unsent: NodeLogs | None = None
        logging.getLogger().addHandler(self._buffer)

    async def run(self) -> None:
        """Ship for as long as the node runs."""
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self._ship()
            except Away:
                await asyncio.sleep(_WAIT_AFTER_TROUBLE_S)
            except Refused:
                # An orchestrator that does not know this path yet, or not this machine.
                self._unsent = None
                await asyncio.sleep(_WAIT_AFTER_TROUBLE_S)

    async def finish(self) -> None:
        """Send the last words."""
        logging.getLogger().removeHandler(self._buffer)
        with suppress(Away, Refused, TimeoutError):
            await asyncio.wait_for(self._ship(), _LAST_S)

    async def _ship(self) -> None:
        machine_id = self._machine_id()
        if machine_id is None:
            return
        logs = self._unsent or self._taken(machine_id)
        self._unsent = logs
        if logs is not None:
            await self._gateway.ship_logs(logs)
        self._unsent = None

    def _taken(self, machine_id: str) -> NodeLogs | None:
        raw, dropped = self._buffer.take(_BATCH_BYTES)
        lines = []
        for line in raw[:_MOST_LINES]:
            with suppress(ValidationError):
                lines.append(LogLine.model_validate_json(line))
        dropped += len(raw) - len(lines)
        if not lines and not dropped:
            return None
        return NodeLogs(machine_id=machine_id, dropped=dropped, lines=lines)
