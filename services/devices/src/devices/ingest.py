"""Every way in for readings, brought to one: the writer's group commit."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from prometheus_client import Counter

from common.db import Database
from common.errors import BadRequest, InvalidToken, MalformedBody, NotFound
from common.pool import Pool
from devices.batch import Batch, plain_batch
from devices.numbers import loads_exact
from devices.readings import Bounds, parse_readings
from devices.senml import MEDIA_TYPE as SENML
from devices.senml import parse_senml
from devices.service import Registry
from devices.settings import Settings
from devices.store.submission import Repeat, Submission
from devices.store.writer import Writer
from devices.telemetry import Telemetry, parse_telemetry
from devices.tokens import token_hash

_CACHE_SIZE: Final = 100_000
_LONGEST_KEY: Final = 255
_IGNORED: Final = Counter(
    "devices_values_ignored_total", "Telemetry values that are neither numbers nor booleans."
)


class Owner(NamedTuple):
    """Whose readings these are."""

    device_id: int
    public_id: str


class Ingest:
    """Parses what arrives and waits for its commit."""

    def __init__(
        self, settings: Settings, *, writer: Writer, database: Database, pool: Pool
    ) -> None:
        self._writer = writer
        self._database = database
        self._pool = pool
        self._kept_days = settings.kept_days_longest
        self._owners: dict[bytes, Owner] = {}
        self._ids: dict[str, int] = {}

    async def hand_in(
        self, device_id: int, body: bytes, *, media_type: str, key: str | None, caller: str
    ) -> int:
        """Readings that a caller of the REST interface hands in for a device.

        Raises:
            ValidationFailed: a reading is wrong; none is taken.
            NotFound: there is no such device.
            Conflict: the key was used with another body.
            Unavailable: the buffer is full, or the database does not answer.
        """
        received_at = datetime.now(UTC)
        repeat = _repeat(key, body, caller=caller, device_id=device_id)
        content = _content(body)
        readings = self._parse_list(content, received_at, media_type=media_type)
        return await self._writer.submit(
            Submission(device_id, readings, received_at, repeat=repeat)
        )

    def read_plain(self, device_id: int, body: bytes) -> Submission | None:
        """The same without a key, not stored yet; None when something is unusual or wrong."""
        received_at = datetime.now(UTC)
        try:
            content = loads_exact(body)
        except json.JSONDecodeError:
            return None
        batch = plain_batch(content, Bounds(received_at, kept_days=self._kept_days))
        return None if batch is None else Submission(device_id, batch, received_at)

    async def store(self, submission: Submission) -> int:
        """Wait until it is committed; how many readings were taken.

        Raises:
            NotFound: there is no such device.
            Unavailable: the buffer is full, or the database does not answer.
        """
        return await self._writer.submit(submission)

    async def owner_of(self, token: str) -> Owner:
        """Whose device token this is. The commit asks again whether it still holds.

        Raises:
            InvalidToken: nobody's.
        """
        hashed = token_hash(token)
        known = self._owners.get(hashed)
        if known is not None:
            return known
        async with self._database.transaction() as session:
            found = await Registry(session).verify(token)
        if len(self._owners) >= _CACHE_SIZE:
            self._owners.clear()
        owner = self._owners[hashed] = Owner(found.device_id, found.public_id)
        return owner

    async def telemetry(self, token: str, owner: Owner, body: bytes, *, media_type: str) -> None:
        """A device's own message by HTTP.

        Raises:
            BadRequest: not one of the four forms; nothing is taken.
            InvalidToken: the token has been revoked.
            Unavailable: the buffer is full, or the database does not answer.
        """
        received_at = datetime.now(UTC)
        try:
            content = loads_exact(body)
        except json.JSONDecodeError as error:
            raise BadRequest(f"The body is not valid JSON: {error.msg}") from error
        batch = self._parse_telemetry(content, received_at, is_senml=media_type == SENML)
        hashed = token_hash(token)
        submission = Submission(owner.device_id, batch, received_at, token_hash=hashed, is_own=True)
        try:
            await self._writer.submit(submission)
        except (InvalidToken, NotFound) as error:
            self._owners.pop(hashed, None)
            raise InvalidToken() from error

    async def message(
        self, public_id: str, body: bytes, *, received_at: datetime, is_senml: bool
    ) -> None:
        """A device's message from the MQTT door, which has checked whose it is.

        Raises:
            BadRequest, ValidationFailed: it can never be stored.
            NotFound: the device is gone.
            Unavailable: it cannot be stored now.
        """
        try:
            content = loads_exact(body)
        except json.JSONDecodeError as error:
            raise BadRequest(f"The message is not valid JSON: {error.msg}") from error
        batch = self._parse_telemetry(content, received_at, is_senml=is_senml)
        device_id = await self._id_of(public_id)
        try:
            await self._writer.submit(Submission(device_id, batch, received_at, is_own=True))
        except NotFound:
            self._ids.pop(public_id, None)
            raise

    async def _id_of(self, public_id: str) -> int:
        known = self._ids.get(public_id)
        if known is not None:
            return known
        async with self._pool.connection() as connection:
            device_id = await connection.fetchval(
                "SELECT id FROM devices.device WHERE public_id::text = $1", public_id
            )
        if device_id is None:
            raise NotFound()
        if len(self._ids) >= _CACHE_SIZE:
            self._ids.clear()
        self._ids[public_id] = device_id
        return int(device_id)

    def _parse_list(self, content: Any, received_at: datetime, *, media_type: str) -> Batch:
        bounds = Bounds(received_at, kept_days=self._kept_days)
        if media_type == SENML:
            return Batch.of(self._counted(parse_senml(content, bounds)).readings)
        return plain_batch(content, bounds) or Batch.of(parse_readings(content, bounds))

    def _parse_telemetry(self, content: Any, received_at: datetime, *, is_senml: bool) -> Batch:
        bounds = Bounds(received_at, kept_days=self._kept_days)
        parse = parse_senml if is_senml else parse_telemetry
        return Batch.of(self._counted(parse(content, bounds)).readings)

    def _counted(self, telemetry: Telemetry) -> Telemetry:
        if telemetry.ignored:
            _IGNORED.inc(telemetry.ignored)
        return telemetry


def _content(body: bytes) -> Any:
    try:
        return loads_exact(body)
    except json.JSONDecodeError as error:
        raise MalformedBody(f"{error.msg}: line {error.lineno} column {error.colno}") from error


def _repeat(key: str | None, body: bytes, *, caller: str, device_id: int) -> Repeat | None:
    if not key:
        return None
    if len(key) > _LONGEST_KEY:
        raise BadRequest(f"An Idempotency-Key has at most {_LONGEST_KEY} characters.")
    scope = hashlib.sha256(f"{caller}\0{device_id}\0{key}".encode()).digest()
    return Repeat(scope, hashlib.sha256(body).digest())
