"""An order to restart: the process drains and ends, and whatever runs it starts it again."""

import asyncio
import os
import signal
from typing import Final

# The answer to the order shall be out before the server closes its connections.
_ANSWER_S: Final = 0.2


class Restart:
    """`is_ordered` tells at the end of the process why it ends."""

    def __init__(self) -> None:
        self.is_ordered = False

    def order(self) -> None:
        """End the process soon, in order; a second order changes nothing.

        By SIGINT, on which uvicorn drains as on SIGTERM but lets us choose the exit code.
        """
        if not self.is_ordered:
            self.is_ordered = True
            loop = asyncio.get_running_loop()
            loop.call_later(_ANSWER_S, os.kill, os.getpid(), signal.SIGINT)
