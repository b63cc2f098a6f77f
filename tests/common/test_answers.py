"""How answers leave: the head with the body, but never late because of it."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send

from common.answers import OneWriteProtocol

_HEAD: Message = {
    "type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")],
}  # fmt: skip


class Answers:
    """An app that answers `body`; below `/slow`, half of it once it is let go on."""

    def __init__(self) -> None:
        self.may_go_on = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(dict(_HEAD))
        if scope["path"] == "/slow":
            await self.may_go_on.wait()
            await send({"type": "http.response.body", "body": b"bo", "more_body": True})
            await send({"type": "http.response.body", "body": b"dy"})
        else:
            await send({"type": "http.response.body", "body": b"body"})


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
async def streams(
    answers: Answers,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    config = uvicorn.Config(
        answers, http=OneWriteProtocol, lifespan="off", log_config=None, access_log=False
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        yield reader, writer
        writer.close()
        server.should_exit = True
        await serving


def _request(method: str, path: str) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode()


async def test_head_and_body_come_in_one_piece(
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    reader, writer = streams
    for _ in range(20):
        writer.write(_request("GET", "/"))
        answer = await reader.read(4096)
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b"\r\n\r\nbody")


async def test_head_comes_although_the_body_is_still_to_come(
    answers: Answers, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]
) -> None:
    reader, writer = streams
    writer.write(_request("GET", "/slow"))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    answers.may_go_on.set()
    assert await reader.readexactly(4) == b"body"


async def test_pipelined_answers_come_in_order_and_without_a_body_for_head(
    answers: Answers, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]
) -> None:
    reader, writer = streams
    answers.may_go_on.set()
    writer.write(_request("HEAD", "/") + _request("GET", "/slow") + _request("HEAD", "/"))
    for body in (b"", b"body", b""):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(len(body)) == body
