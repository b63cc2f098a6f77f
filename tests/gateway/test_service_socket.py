"""A service's WebSocket frame by frame: what goes on as it came, what is kept, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from websockets.frames import Close, Frame, Opcode
from websockets.server import ServerProtocol

from gateway.connections import BrokenOff, ConnectionPool
from gateway.service_socket import NO_CLOSE, NO_CODE, HandshakeRefused, ServiceSocket
from tests.gateway.raw_service import Serve, at_rest, raw_services
from tests.patience import PATIENCE_S

TEXT = Frame(Opcode.TEXT, b"one").serialize(mask=False)
LONG = Frame(Opcode.BINARY, bytes(range(256)) * 1024).serialize(mask=False)
MIDDLE = Frame(Opcode.TEXT, b"x" * 300).serialize(mask=False)
FRAGMENTS = (
    Frame(Opcode.TEXT, b"be", fin=False).serialize(mask=False),
    Frame(Opcode.CONT, b"gun").serialize(mask=False),
)
PING = Frame(Opcode.PING, b"there?").serialize(mask=False)
BYE = Frame(Opcode.CLOSE, Close(4001, "bye").serialize()).serialize(mask=False)
Connected = Callable[[Serve], Awaitable[ServiceSocket]]


async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Answer a handshake; the answer is given back, and written by the caller."""
    server = ServerProtocol()
    server.receive_data(await reader.readuntil(b"\r\n\r\n"))
    (request,) = server.events_received()
    server.send_response(server.accept(request))  # type: ignore[arg-type] # the first event is a request
    return b"".join(server.data_to_send())


@pytest.fixture
async def connected() -> AsyncIterator[Connected]:
    """Opens a socket to a service that does this with it."""
    sockets: list[ServiceSocket] = []

    async def connect(serve: Serve) -> ServiceSocket:
        port = await service(serve)
        url = f"ws://127.0.0.1:{port}/ws/things"
        pool = ConnectionPool(f"http://127.0.0.1:{port}")
        socket = await pool.connect(lambda: ServiceSocket(url, headers=[], subprotocols=()))
        sockets.append(socket)
        await socket.opened()
        return socket

    async with raw_services() as service:
        yield connect
        for socket in sockets:
            await socket.close(1001, within_s=0)


def writing(*parts: bytes, with_handshake: bool = False, then_close: bool = True) -> Serve:
    """A service that writes these parts, the first along with the handshake's end if asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = await accepted(reader, writer)
        if with_handshake:
            writer.write(answer + b"".join(parts))
        else:
            for part in (answer, *parts):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
        if not then_close:
            await reader.read()

    return serve


async def heard(socket: ServiceSocket) -> tuple[bytes, int]:
    """Everything that was passed on until the end, and the code of the end."""
    frames = bytearray()
    socket.listen(frames.extend)
    async with asyncio.timeout(PATIENCE_S):
        code = await socket.closed
    return bytes(frames), code


@pytest.mark.parametrize("each", [1, 2, 5, 1_000_000])
async def test_messages_go_on_as_they_came_however_they_are_cut(
    connected: Connected, each: int
) -> None:
    begin, end = FRAGMENTS
    stream = TEXT + MIDDLE + begin + PING + end + (LONG if each > 100 else TEXT) + BYE
    parts = [stream[at : at + each] for at in range(0, len(stream), each)]
    frames, code = await heard(await connected(writing(*parts)))
    assert frames == stream.removesuffix(BYE).replace(PING, b"")
    assert code == 4001


async def test_frames_that_come_with_the_handshake_wait_for_the_client(
    connected: Connected,
) -> None:
    socket = await connected(writing(TEXT, LONG, BYE, with_handshake=True))
    assert await heard(socket) == (TEXT + LONG, 4001)


async def test_a_frame_of_many_reads_arrives_whole(connected: Connected) -> None:
    large = Frame(Opcode.BINARY, bytes(8 * 1024 * 1024)).serialize(mask=False)
    frames: list[bytes] = []
    socket = await connected(writing(large, TEXT, BYE))
    socket.listen(frames.append)
    async with asyncio.timeout(PATIENCE_S):
        assert await socket.closed == 4001
    assert b"".join(frames) == large + TEXT
    assert len(frames[0]) >= len(large)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (b"", NO_CLOSE),
        (LONG[:1000], NO_CLOSE),
        (Frame(Opcode.CLOSE, b"").serialize(mask=False), NO_CODE),
        (Frame(Opcode.TEXT, b"masked").serialize(mask=True), 1002),
        (b"\xc1\x01x", 1002),
        (b"\x82\x7f" + (1 << 40).to_bytes(8, "big"), 1009),
        (b"\x89\x7e\xff\xff" + bytes(65535), 1002),
    ],
    ids=["no goodbye", "half a frame", "no code", "masked", "reserved", "endless", "long ping"],
)
async def test_what_came_before_the_end_is_passed_on_and_the_end_is_told(
    connected: Connected, end: bytes, code: int
) -> None:
    assert await heard(await connected(writing(TEXT + end))) == (TEXT, code)


async def test_a_ping_is_answered_to_the_service(connected: Connected) -> None:
    answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await accepted(reader, writer) + PING)
        head = await reader.readexactly(2)
        mask = await reader.readexactly(4)
        payload = await reader.readexactly(head[1] & 0x7F)
        assert head[0] == 0x8A
        answered.set_result(bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))
        await reader.read()

    socket = await connected(serve)
    socket.listen(lambda _: None)
    async with asyncio.timeout(PATIENCE_S):
        assert await answered == b"there?"


@pytest.mark.parametrize("status", [401, 403, 503])
async def test_a_refused_handshake_tells_its_status(connected: Connected, status: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d No\r\ncontent-length: 2\r\n\r\nno" % status)

    with pytest.raises(HandshakeRefused) as refused:
        await connected(serve)
    assert refused.value.status == status


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 200 ",
    ],
    ids=["nothing", "no key", "no HTTP", "half a head"],
)
async def test_what_is_no_handshake_breaks_off(connected: Connected, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    with pytest.raises(BrokenOff):
        await connected(serve)


async def test_a_service_waits_while_its_client_does(connected: Connected) -> None:
    given = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal given
        writer.write(await accepted(reader, writer))
        while True:
            writer.write(LONG)
            await writer.drain()
            given += len(LONG)

    socket = await connected(serve)
    received = 0

    def slow(frames: bytes) -> None:
        nonlocal received
        received += len(frames)
        socket.pause()

    socket.listen(slow)
    assert await at_rest(lambda: given) < 32 * 1024 * 1024
    received_at_rest = received
    socket.resume()
    async with asyncio.timeout(PATIENCE_S):
        while received == received_at_rest:
            await asyncio.sleep(0)


async def test_after_the_end_nothing_can_be_sent(connected: Connected) -> None:
    socket = await connected(writing(BYE, then_close=False))
    assert (await heard(socket))[1] == 4001
    with pytest.raises(BrokenOff):
        await socket.send("late")
