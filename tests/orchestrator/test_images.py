"""Uploads: judged by their bytes, kept, and given to nodes and to who may read."""

import hashlib
import struct
import zlib

import httpx
import pytest

from tests.orchestrator.conftest import Running, inspect
from tests.orchestrator.node import Node


def png(width: int, height: int) -> bytes:
    """A PNG that declares this size; its pixels are one byte."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0")), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def gif(frames: int) -> bytes:
    """An animation of 2 × 3 pixels."""
    image = b"!\xf9\x04\0\0\0\0\0,\0\0\0\0\x02\0\x03\0\0\x02\x02\x44\x01\0"
    return b"GIF89a\x02\0\x03\0\x80\0\0\0\0\0\xff\xff\xff" + image * frames + b";"


def bmp() -> bytes:
    """A bitmap of 4 × 2 pixels."""
    header = struct.pack("<IiiHHIIiiII", 40, 4, 2, 1, 24, 0, 24, 2835, 2835, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 78, 0, 0, 54) + header + bytes(24)


def tiff(pages: int) -> bytes:
    """A TIFF of 5 × 6 pixels a page."""
    content, at = b"II*\0", 8
    content += struct.pack("<I", at)
    for page in range(pages):
        after = at + 2 + 2 * 12 + 4
        content += struct.pack("<H", 2)
        content += struct.pack("<HHIHxx", 256, 3, 1, 5) + struct.pack("<HHIHxx", 257, 3, 1, 6)
        content += struct.pack("<I", after if page + 1 < pages else 0)
        at = after
    return content


def avi() -> bytes:
    """The header of a video of 7 frames of 160 × 120 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return kind + struct.pack("<I", len(data)) + data

    main = struct.pack("<14I", 100_000, 0, 0, 16, 7, 0, 1, 0, 160, 120, 0, 0, 0, 0)
    stream = b"vidsMJPG" + struct.pack("<10I", 0, 0, 0, 1, 10, 0, 7, 0, 0, 0) + bytes(8)
    form = struct.pack("<IiiHHIIiiII", 40, 160, 120, 1, 24, 0x47504A4D, 57_600, 0, 0, 0, 0)
    strl = chunk(b"LIST", b"strl" + chunk(b"strh", stream) + chunk(b"strf", form))
    hdrl = chunk(b"LIST", b"hdrl" + chunk(b"avih", main) + strl)
    movi = chunk(b"LIST", b"movi" + chunk(b"00dc", b"\xff\xd8\xff\xd9"))
    return chunk(b"RIFF", b"AVI " + hdrl + movi)


async def upload(client: httpx.AsyncClient, content: bytes, name: str = "x.jpg") -> httpx.Response:
    """Upload one file."""
    return await client.post("/api/v1/images/", files={"file": (name, content)})


@pytest.mark.parametrize(
    ("content", "media_type", "width", "height", "frames"),
    [
        (png(640, 480), "image/png", 640, 480, 1),
        (png(30_000, 30_000), "image/png", 30_000, 30_000, 1),
        (gif(3), "image/gif", 2, 3, 3),
        (bmp(), "image/bmp", 4, 2, 1),
        (tiff(2), "image/tiff", 5, 6, 2),
        (avi(), "video/x-msvideo", 160, 120, 7),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg", None, None, 1),
        (gif(3)[:30], "image/gif", 2, 3, None),
    ],
)
async def test_an_upload_is_known_by_its_bytes(
    admin: httpx.AsyncClient,
    keyed: httpx.AsyncClient,
    content: bytes,
    media_type: str,
    width: int | None,
    height: int | None,
    frames: int | None,
) -> None:
    answer = await upload(admin, content, "anything.txt")
    assert answer.status_code == 201, answer.text
    image = answer.json()
    assert image == {
        "image_id": image["image_id"],
        "media_type": media_type,
        "width": width,
        "height": height,
        "frames": frames,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    fetched = await keyed.get(f"/api/v1/webhooks/images/{image['image_id']}/")
    assert fetched.content == content
    assert fetched.headers["content-type"] == media_type


@pytest.mark.parametrize("content", [b"", b"hello", b"<svg/>", b"%PDF-1.7", b"MZ\x90", bytes(99)])
async def test_what_is_no_picture_is_refused(admin: httpx.AsyncClient, content: bytes) -> None:
    answer = await upload(admin, content)
    assert answer.status_code == 400
    assert "file" in answer.json()["error"]["details"]["fields"]


async def test_a_form_without_a_file_is_refused(admin: httpx.AsyncClient) -> None:
    path = "/api/v1/images/"
    for answer in (
        await admin.post(path, data={"file": "text"}),
        await admin.post(path, files={"picture": ("x", png(1, 1))}),
        await admin.post(path, json={"file": "x"}),
        await admin.post(path, content=b"--x", headers={"Content-Type": "multipart/form-data"}),
        await admin.post(
            path, content=b"junk", headers={"Content-Type": "multipart/form-data; boundary=x"}
        ),
    ):
        assert answer.status_code == 400, answer.text
        assert "file" in answer.json()["error"]["details"]["fields"]


async def test_an_upload_over_the_limit_is_broken_off(admin: httpx.AsyncClient) -> None:
    answer = await upload(admin, png(1, 1) + bytes(33 * 1024 * 1024))
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "PAYLOAD_TOO_LARGE"


async def test_only_writers_upload_and_only_nodes_fetch(shared: Running) -> None:
    async with shared.client("viewer") as viewer, shared.client("machine") as machine:
        assert (await upload(viewer, png(1, 1))).status_code == 403
        assert (await upload(machine, png(1, 1))).status_code == 403
        assert (await machine.get("/api/v1/webhooks/images/img_0/")).status_code == 404


async def test_an_uploaded_image_is_inspected(node: Node, admin: httpx.AsyncClient) -> None:
    image = (await upload(admin, png(8, 8))).json()
    source = {"source_type": "upload", "image_id": image["image_id"]}
    pipeline = {
        "tools": [{"name": "image_source", "parameters": source}, {"name": "blob_detection"}],
        "connections": [{"from": "image_source", "to": "blob_detection"}],
    }
    await inspect(admin, pipeline_config=pipeline)
    assignment = await node.next()
    assert assignment.pipeline_config.tools[0].parameters == source
    await node.complete(assignment)


async def test_an_artifact_comes_under_the_lease_and_goes_to_readers(
    shared: Running, node: Node, admin: httpx.AsyncClient
) -> None:
    made = await inspect(admin)
    assignment = await node.next()
    path = f"/api/v1/webhooks/artifacts/{made['id']}"
    lease = {"X-Machine-ID": node.id, "X-Lease-Token": assignment.lease.token}
    jpeg = {"Content-Type": "image/jpeg"}

    async def put(name: str, **headers: str) -> int:
        answer = await node.client.put(f"{path}/{name}", content=b"picture", headers=headers)
        return answer.status_code

    assert await put("overlay.jpg", **lease, **jpeg) == 204
    assert await put("page.html", **lease, **{"Content-Type": "text/html"}) == 204
    assert await put("overlay.jpg", **{**lease, "X-Lease-Token": "stolen"}) == 409
    assert await put("overlay.jpg") == 400
    assert await put("..", **lease) == 404
    assert await put(".hidden", **lease) == 404
    assert await put("a%2F..%2Fb", **lease) == 404
    await node.complete(assignment)
    assert await put("late.jpg", **lease) == 409

    record = (await admin.get(f"/api/v1/inspections/{made['id']}/")).json()
    assert [one["name"] for one in record["artifacts"]] == ["overlay.jpg", "page.html"]
    assert record["artifacts"][0]["url"] == (
        f"https://factory.example/api/v1/inspections/{made['id']}/artifacts/overlay.jpg"
    )
    async with shared.client("viewer") as viewer:
        shown = await viewer.get(f"/api/v1/inspections/{made['id']}/artifacts/overlay.jpg")
        assert shown.content == b"picture"
        assert shown.headers["content-type"] == "image/jpeg"
        page = await viewer.get(f"/api/v1/inspections/{made['id']}/artifacts/page.html")
        assert page.headers["content-type"] == "application/octet-stream"
        assert page.headers["content-disposition"].startswith("attachment")
    assert (await admin.delete(f"/api/v1/inspections/{made['id']}/")).status_code == 204
    gone = await admin.get(f"/api/v1/inspections/{made['id']}/artifacts/overlay.jpg")
    assert gone.status_code == 404


async def test_who_may_read_sees_an_upload_as_it_came(admin: httpx.AsyncClient) -> None:
    content = png(3, 2)
    image_id = (await upload(admin, content, "x.png")).json()["image_id"]
    answer = await admin.get(f"/api/v1/images/{image_id}/")
    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await admin.get("/api/v1/images/img_000000000000/")).status_code == 404
