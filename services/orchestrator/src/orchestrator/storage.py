"""Where images and artifacts lie: a folder, or S3 and its like, by one library (obstore)."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store, from_url

from common.errors import NotFound, Unavailable
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

_log = logging.getLogger("storage")
_CHUNK_BYTES: Final = 256 * 1024
_TIMEOUT: Final = timedelta(seconds=20)
_CONNECT_TIMEOUT: Final = timedelta(seconds=3)


def open_storage(settings: Settings) -> "Storage":
    """The store that the settings name: `GEMBA_ARTIFACT_URL`, else a folder of the data folder."""
    if not settings.artifact_url:
        folder = settings.data_dir / "artifacts"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Storage(LocalStore(folder.resolve()))
    if settings.artifact_url.startswith("file:"):
        return Storage(from_url(settings.artifact_url, mkdir=True))
    client: ClientConfig = {"timeout": _TIMEOUT, "connect_timeout": _CONNECT_TIMEOUT}
    retry: RetryConfig = {"max_retries": 2, "retry_timeout": _TIMEOUT}
    endpoint = settings.artifact_endpoint
    if endpoint:
        client["allow_http"] = endpoint.startswith("http://")
        return Storage(
            S3Store.from_url(
                settings.artifact_url,
                endpoint=endpoint,
                client_options=client,
                retry_config=retry,
            )
        )
    return Storage(from_url(settings.artifact_url, client_options=client, retry_config=retry))


class Storage:
    """Bytes by key; keys are made by us, never by a client."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, key: str, content: bytes | IO[bytes]) -> None:
        """Store the content whole, or not at all.

        Raises:
            Unavailable: the store does not answer.
        """
        try:
            await obstore.put_async(self._store, key, content)
        except (BaseError, OSError) as error:
            raise Unavailable("The store of images and artifacts does not answer.") from error

    async def read(self, key: str) -> bytes:
        """The whole content.

        Raises:
            NotFound: there is nothing under this key any more.
            Unavailable: the store does not answer.
        """
        return b"".join([chunk async for chunk in self.stream(key)])

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """The content in chunks.

        Raises:
            NotFound: there is nothing under this key any more.
            Unavailable: the store does not answer.
        """
        try:
            found = await obstore.get_async(self._store, key)
            async for chunk in found.stream(min_chunk_size=_CHUNK_BYTES):
                yield bytes(chunk)
        except FileNotFoundError as error:
            raise NotFound("The file is no longer stored.") from error
        except (BaseError, OSError) as error:
            raise Unavailable("The store of images and artifacts does not answer.") from error

    async def discard(self, keys: list[str]) -> None:
        """Remove what lies under these keys; what cannot be removed is logged and stays."""
        for key in keys:
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                continue
            except (BaseError, OSError) as error:
                _log.warning("not removed: %r", error, extra={"key": key})
