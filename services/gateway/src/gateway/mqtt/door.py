"""The door itself: takes connections in, finds out whose they are, joins them to NATS."""

import asyncio
import logging
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Final
from urllib.parse import unquote, urlsplit

from prometheus_client import Counter, Gauge

from common.errors import ServiceError
from gateway.mqtt.connect import Connect, write_connect
from gateway.mqtt.identities import Credentials, Failures, Identities, Identity, Refused
from gateway.mqtt.links import ClientLink, UpstreamLink
from gateway.mqtt.mounts import Mount
from gateway.mqtt.packets import (
    BAD_CLIENT_ID,
    BAD_CREDENTIALS,
    NOT_AUTHORIZED,
    UNAVAILABLE,
    Malformed,
)
from gateway.mqtt.rates import Buckets
from gateway.mqtt.rewriting import Rewriter
from gateway.mqtt.settings import DoorSettings

_BACKLOG: Final = 1024
_UPSTREAM_TIMEOUT_S: Final = 5.0
_OPEN: Final = Gauge("mqtt_connections_open", "Open client connections.")
_CUT: Final = Counter("mqtt_clients_cut_total", "Clients cut off.")
_REFUSED: Final = Counter("mqtt_clients_refused_total", "CONNECTs refused.", ["code"])
_log = logging.getLogger("mqtt")


class Door:
    """Everything that comes in passes here once."""

    def __init__(self, settings: DoorSettings, identities: Identities) -> None:
        self._settings = settings
        self._identities = identities
        url = urlsplit(settings.nats_mqtt_url.get_secret_value())
        self._nats = (url.hostname or "127.0.0.1", url.port or 1883)
        self._user = unquote(url.username or "")
        self._password = unquote(url.password or "")
        self._buckets = Buckets(per_s=settings.mqtt_messages_per_s, burst=settings.mqtt_burst)
        self._failures = Failures()
        self._links: set[ClientLink] = set()
        self._by_identity: dict[Identity, set[ClientLink]] = {}
        self._greetings: set[asyncio.Task[None]] = set()
        self.max_packet_bytes = settings.mqtt_max_packet_bytes
        self.connect_timeout_s = settings.mqtt_connect_timeout_s
        self.is_listening = False

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Take clients in for as long as the block lasts; then end all connections."""
        settings, loop = self._settings, asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: ClientLink(self, loop),
            settings.host,
            settings.mqtt_port,
            ssl=_tls(settings),
            backlog=_BACKLOG,
        )
        self.is_listening = True
        try:
            yield
        finally:
            self.is_listening = False
            server.close()
            for link in list(self._links):
                link.close()
            for greeting in list(self._greetings):
                greeting.cancel()
            await asyncio.gather(*self._greetings, return_exceptions=True)

    def opened(self, link: ClientLink) -> bool:
        """Count a new connection; False when there is no place for it."""
        if len(self._links) >= self._settings.mqtt_max_connections:
            return False
        self._links.add(link)
        _OPEN.set(len(self._links))
        return True

    def closed(self, link: ClientLink) -> None:
        """Count a connection out."""
        self._links.discard(link)
        _OPEN.set(len(self._links))
        if link.identity is not None:
            peers = self._by_identity.get(link.identity, set())
            peers.discard(link)
            if not peers:
                self._by_identity.pop(link.identity, None)

    def cut(self, reason: str) -> None:
        """Count a client that was cut off."""
        _CUT.inc()

    def greeted(self, link: ClientLink, connect: Connect) -> None:
        """Find out who this is; the task belongs to the door and ends with it."""
        greeting = asyncio.get_running_loop().create_task(self._greet(link, connect))
        self._greetings.add(greeting)
        greeting.add_done_callback(self._greetings.discard)

    @property
    def identities(self) -> list[Identity]:
        """Who is connected now."""
        return list(self._by_identity)

    async def recheck(self, identity: Identity, *, must_prove: bool) -> None:
        """End those connections of an identity whose credentials no longer hold."""
        for link in list(self._by_identity.get(identity, ())):
            credentials = link.credentials
            if credentials is None or not await self._identities.still_holds(
                credentials, identity, must_prove=must_prove
            ):
                link.cut("revoked")

    async def _greet(self, link: ClientLink, connect: Connect) -> None:
        try:
            code = await self._let_in(link, connect)
        except Malformed as error:
            link.cut(str(error))
        except (ServiceError, OSError, TimeoutError) as error:
            _log.warning("a client must come again later: %r", error)
            self._refuse(link, UNAVAILABLE)
        else:
            if code:
                self._refuse(link, code)

    def _refuse(self, link: ClientLink, code: int) -> None:
        _REFUSED.labels(str(code)).inc()
        link.refuse(code)

    async def _let_in(self, link: ClientLink, connect: Connect) -> int:
        """Join the client to NATS; the code of a refusal, or 0."""
        if connect.user is None:
            return BAD_CREDENTIALS
        if not connect.client_id and not connect.is_clean:
            return BAD_CLIENT_ID
        if self._failures.are_too_many(link.address):
            return NOT_AUTHORIZED
        credentials = Credentials(connect.user, connect.password or "")
        try:
            identity = await self._identities.identify(credentials)
        except Refused:
            self._failures.add(link.address)
            return NOT_AUTHORIZED
        peers = self._by_identity.setdefault(identity, set())
        if len(peers) >= self._settings.mqtt_connections_per_identity:
            return UNAVAILABLE
        peers.add(link)
        link.identity, link.credentials = identity, credentials
        await self._join(link, connect, identity)
        return 0

    async def _join(self, link: ClientLink, connect: Connect, identity: Identity) -> None:
        mount = Mount(identity.kind, identity.id)
        hello = write_connect(
            connect,
            client_id=_client_id(identity, connect),
            will_topic=mount.inward(connect.will.topic) if connect.will else b"",
            user=self._user,
            password=self._password,
        )
        upstream = await self._reach_nats(link)
        if link not in self._links:
            upstream.close()
            return
        link.upstream = upstream
        upstream.send(hello)
        link.admit(
            Rewriter(mount, level=connect.level),
            self._buckets.of(identity),
            largest=self.max_packet_bytes,
        )

    async def _reach_nats(self, link: ClientLink) -> UpstreamLink:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_UPSTREAM_TIMEOUT_S):
            _, upstream = await loop.create_connection(lambda: UpstreamLink(link), *self._nats)
        return upstream


def _client_id(identity: Identity, connect: Connect) -> str:
    """The id that NATS knows the session by: nobody can take over another identity's."""
    own = connect.client_id or secrets.token_hex(16)
    digest = sha256(f"{identity.kind}\0{identity.id}\0{own}".encode()).hexdigest()
    return f"{identity.kind}-{digest[:40]}"


def _tls(settings: DoorSettings) -> ssl.SSLContext | None:
    if settings.mqtt_tls_cert_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.mqtt_tls_cert_file, settings.mqtt_tls_key_file)
    return context
