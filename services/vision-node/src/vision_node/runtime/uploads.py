"""The uploads that inspections name, fetched through the gateway and kept while there is room."""

import asyncio
from collections import OrderedDict
from random import Random

from vision_node.gateway import Away, Gateway, Refused
from vision_node.runtime.backoff import pauses
from vision_node.sources.errors import SourceError

MAX_CACHED_BYTES = 128 * 1024 * 1024


class Uploads:
    """A cache of pictures by image_id, which name the same bytes for ever."""

    def __init__(
        self, gateway: Gateway, *, random: Random, max_bytes: int = MAX_CACHED_BYTES
    ) -> None:
        self._gateway = gateway
        self._random = random
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._fetching: dict[str, asyncio.Lock] = {}

    async def get(self, image_id: str) -> bytes:
        """The bytes of one upload; asks again while nobody answers: bound the wait by a timeout.

        Raises SourceError where there is no such upload.
        """
        lock = self._fetching.setdefault(image_id, asyncio.Lock())
        try:
            async with lock:
                if image_id not in self._kept:
                    self._keep(image_id, await self._fetch(image_id))
                self._kept.move_to_end(image_id)
                return self._kept[image_id]
        finally:
            if not lock.locked():
                self._fetching.pop(image_id, None)

    async def _fetch(self, image_id: str) -> bytes:
        for pause_s in pauses(self._random):
            try:
                return await self._gateway.fetch_image(image_id)
            except Refused as error:
                message = f"the uploaded image {image_id!r} cannot be had ({error})"
                if error.status == 404:
                    message = f"there is no uploaded image {image_id!r}"
                raise SourceError(message, parameter="image_id") from error
            except Away:
                await asyncio.sleep(pause_s)
        raise AssertionError("pauses never end")

    def _keep(self, image_id: str, data: bytes) -> None:
        self._kept[image_id] = data
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > self._max_bytes:
            self._kept.popitem(last=False)
