"""Images and artifacts in S3, before a server that speaks its protocol."""

from collections.abc import Iterator

import boto3  # type: ignore[import-untyped]  # it ships no types
import pytest
from moto.server import ThreadedMotoServer

from common.errors import NotFound, Unavailable
from orchestrator.settings import Settings
from orchestrator.storage import Storage, open_storage

MEBI = 1024 * 1024


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def settings(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty bucket, configured as an operator would."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="gemba")
    return Settings(artifact_url="s3://gemba/artifacts", artifact_endpoint=endpoint)


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return open_storage(settings)


async def chunks(storage: Storage, key: str) -> list[bytes]:
    return [chunk async for chunk in storage.stream(key)]


async def test_what_was_put_is_read_in_chunks_and_ends_when_discarded(storage: Storage) -> None:
    content = bytes(range(256)) * (3 * MEBI // 256)
    await storage.put("images/one", content)
    assert await storage.read("images/one") == content
    assert len(await chunks(storage, "images/one")) > 1
    await storage.discard(["images/one", "images/never"])
    with pytest.raises(NotFound):
        await storage.read("images/one")


async def test_a_large_upload_goes_in_parts(storage: Storage) -> None:
    content = b"\x07" * (12 * MEBI)
    await storage.put("images/large", content)
    assert await storage.read("images/large") == content


async def test_a_store_that_is_away_is_told_as_such(settings: Settings) -> None:
    nowhere = {"artifact_endpoint": "http://127.0.0.1:1"}
    away = open_storage(settings.model_copy(update=nowhere))
    with pytest.raises(Unavailable):
        await away.put("images/one", b"x")
