"""HTTP to a service that misbehaves byte by byte: what a proxy must get right, and must survive."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gateway.connections import BrokenOff, ConnectFailed, ConnectionPool, Request
from gemba_local.ports import pick
from tests.gateway.raw_service import Serve, at_rest, raw_services
from tests.patience import PATIENCE_S

HEAD = b"GET /things HTTP/1.1\r\nhost: service\r\n\r\n"
POST = b"POST /things HTTP/1.1\r\nhost: service\r\ntransfer-encoding: chunked\r\n\r\n"
LARGE = bytes(range(256)) * 1024
Started = Callable[[Serve], Awaitable[ConnectionPool]]


@pytest.fixture
async def serving() -> AsyncIterator[Started]:
    """Starts a service of so many bytes, and gives the pool that leads there."""
    pools = []

    async def start(serve: Serve) -> ConnectionPool:
        pools.append(ConnectionPool(f"http://127.0.0.1:{await service(serve)}"))
        return pools[-1]

    async with raw_services() as service:
        yield start
        for pool in pools:
            pool.close()


def answering(*answers: bytes, each: int = 0, then_close: bool = False) -> Serve:
    """A service that gives these answers in turn, in pieces of so many bytes if that is given."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            for at in range(0, len(answer), each or len(answer)):
                writer.write(answer[at : at + (each or len(answer))])
                await writer.drain()
                # Lets the other side read this piece alone.
                await asyncio.sleep(0)
        if not then_close:
            await reader.read()

    return serve


async def asked(pool: ConnectionPool, request: Request | None = None) -> tuple[int, bytes, bool]:
    """Status, whole body, and whether the connection was kept."""
    connection = await pool.take()
    try:
        answer = await connection.ask(request or Request(HEAD))
        body = answer.whole
        if body is None:
            body = b"".join([chunk async for chunk in connection.chunks()])
    finally:
        pool.give_back(connection)
    return answer.status, body, connection.is_usable


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4;note=1\r\nWiki\r\n6\r\npedia \r\n0\r\nX-Trailer: yes\r\n\r\n"
)
LONG = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(LARGE), LARGE)


@pytest.mark.parametrize("each", [0, 1, 7])
@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 200, b"hello"),
        (CHUNKED, 200, b"Wikipedia "),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n", 304, b""),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
            b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok",
            201,
            b"ok",
        ),
    ],
    ids=["length", "chunks", "no content", "not modified", "interim answers"],
)
async def test_an_answer_is_the_same_in_one_piece_and_in_many(
    serving: Started, each: int, answer: bytes, status: int, body: bytes
) -> None:
    pool = await serving(answering(answer, answer, each=each))
    for _ in range(2):
        assert await asked(pool) == (status, body, True)


async def test_a_large_answer_comes_in_chunks_and_leaves_the_connection_usable(
    serving: Started,
) -> None:
    pool = await serving(answering(LONG, LONG))
    for _ in range(2):
        assert await asked(pool) == (200, LARGE, True)


async def test_a_body_without_a_length_ends_with_the_connection(serving: Started) -> None:
    answer = b"HTTP/1.1 200 OK\r\n\r\n" + LARGE
    pool = await serving(answering(answer, then_close=True))
    assert await asked(pool) == (200, LARGE, False)


async def test_the_answer_to_head_has_no_body_whatever_it_declares(serving: Started) -> None:
    pool = await serving(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n"))
    request = Request(b"HEAD /things HTTP/1.1\r\nhost: service\r\n\r\n", is_head=True)
    status, body, _ = await asked(pool, request)
    assert (status, body) == (200, b"")


async def test_a_connection_that_the_service_closes_is_not_used_again(serving: Started) -> None:
    served = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")

    pool = await serving(serve)
    for count in (1, 2, 3):
        assert await asked(pool) == (200, b"", False)
        assert served == count


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
    ],
    ids=["nothing", "half a head", "half a body", "no HTTP", "two lengths", "another protocol"],
)
async def test_an_answer_that_is_none_is_told_apart_from_one(
    serving: Started, answer: bytes
) -> None:
    pool = await serving(answering(answer or b"\r\n", then_close=True))
    with pytest.raises(BrokenOff):
        await asked(pool)


async def test_what_came_before_a_break_is_given_first(serving: Started) -> None:
    pool = await serving(answering(LONG[:-1], then_close=True))
    connection = await pool.take()
    answer = await connection.ask(Request(HEAD))
    assert answer.whole is None
    received: list[bytes] = []

    async def read() -> None:
        async for chunk in connection.chunks():
            received.append(chunk)

    with pytest.raises(BrokenOff):
        await read()
    pool.give_back(connection)
    assert b"".join(received) == LARGE[:-1]
    assert not connection.is_usable


async def test_an_answer_to_nothing_costs_the_connection_and_no_request(serving: Started) -> None:
    good = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    unasked = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(good)
        if not unasked.is_set():
            await unasked.wait()
            writer.write(good.replace(b"ok", b"no"))
        await reader.read()

    pool = await serving(serve)
    first = await pool.take()
    assert (await first.ask(Request(HEAD))).whole == b"ok"
    pool.give_back(first)
    unasked.set()
    async with asyncio.timeout(PATIENCE_S):
        while first.is_usable:
            await asyncio.sleep(0)
    assert await asked(pool) == (200, b"ok", True)


async def test_a_body_goes_on_as_it_comes(serving: Started) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        sent = await reader.readuntil(b"0\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(sent), sent))
        await reader.read()

    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"three"

    pool = await serving(serve)
    sent = b"3\r\none\r\n5\r\nthree\r\n0\r\n\r\n"
    assert await asked(pool, Request(POST, body(), is_chunked=True)) == (200, sent, True)


async def test_an_answer_may_come_before_the_bodys_end(serving: Started) -> None:
    refusal = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig"
    was_closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield LARGE
        finally:
            was_closed.set()

    pool = await serving(answering(refusal))
    assert await asked(pool, Request(POST, endless(), is_chunked=True)) == (413, b"big", False)
    async with asyncio.timeout(PATIENCE_S):
        await was_closed.wait()


async def test_a_body_that_fails_fails_the_request_and_closes_the_connection(
    serving: Started,
) -> None:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        ended.set()

    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        raise PermissionError

    pool = await serving(serve)
    with pytest.raises(PermissionError):
        await asked(pool, Request(POST, body(), is_chunked=True))
    async with asyncio.timeout(PATIENCE_S):
        await ended.wait()


async def test_a_service_that_does_not_read_is_not_flooded(serving: Started) -> None:
    taken = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += len(LARGE)
            yield LARGE

    pool = await serving(serve)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await asked(pool, Request(POST, endless(), is_chunked=True))
    # What the kernel's buffers hold on both sides; the body would have no end.
    assert taken < 32 * 1024 * 1024


async def test_an_answer_that_nobody_reads_is_not_fetched(serving: Started) -> None:
    given = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal given
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n")
        while True:
            writer.write(LARGE)
            await writer.drain()
            given += len(LARGE)

    pool = await serving(serve)
    connection = await pool.take()
    await connection.ask(Request(HEAD))
    assert await at_rest(lambda: given) < 32 * 1024 * 1024
    assert len(await anext(connection.chunks())) < 2 * 1024 * 1024
    pool.give_back(connection)
    assert not connection.is_usable


async def test_an_answer_that_its_client_left_unread_harms_no_other(serving: Started) -> None:
    large = b"HTTP/1.1 200 OK\r\ncontent-length: 262244\r\n\r\n" + LARGE + bytes(100)
    given = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal given
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(large)
            await writer.drain()
            given += 1

    pool = await serving(serve)
    for _ in range(3):
        connection = await pool.take()
        assert (await connection.ask(Request(HEAD))).whole is None
        await at_rest(lambda: given)
        pool.give_back(connection)
    async with asyncio.timeout(PATIENCE_S):
        assert (await asked(pool))[1] == LARGE + bytes(100)


async def test_without_a_service_there_is_no_connection() -> None:
    pool = ConnectionPool(f"http://127.0.0.1:{pick(range(30_000, 31_000))}")
    with pytest.raises(ConnectFailed):
        await pool.take()


async def test_many_requests_take_as_many_connections_as_run_at_once(serving: Started) -> None:
    served = 0
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)

    pool = await serving(serve)
    for _ in range(20):
        answers = await asyncio.gather(*(asked(pool) for _ in range(10)))
        assert {body for _, body, _ in answers} == {b"ok"}
    assert served == 10
