"""Services that are nothing but bytes on a connection, for what no HTTP server would write."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from tests.patience import PATIENCE_S

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Start = Callable[[Serve], Awaitable[int]]


@asynccontextmanager
async def raw_services() -> AsyncIterator[Start]:
    """Starts services that do this with each connection, and ends them; gives their ports."""
    servers, handlers = [], set[asyncio.Task[None]]()

    async def start(serve: Serve) -> int:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                with suppress(ConnectionError, asyncio.IncompleteReadError):
                    await serve(reader, writer)
            finally:
                writer.close()

        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            handlers.add(asyncio.create_task(handle(reader, writer)))

        server = await asyncio.start_server(accepted, "127.0.0.1", 0)
        servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    yield start
    for server in servers:
        server.close()
    for handler in handlers:
        handler.cancel()
    if handlers:
        await asyncio.wait(handlers)


async def at_rest(count: Callable[[], int]) -> int:
    """The count, once it does not change any more."""
    before = -1
    async with asyncio.timeout(PATIENCE_S):
        while before != count():
            before = count()
            await asyncio.sleep(0.1)
    return before
