"""Sends alerts on as Alertmanager does; whoever listens there may be away for a while."""

import asyncio
import logging
from typing import Final

import httpx

from cluster import metrics
from cluster.schemas.shapes import AlertInfo
from cluster.service.alertmanager import webhook_of
from cluster.settings import Settings
from common.trust import trust

_MOST_WAITING: Final = 1_000
_TRIES: Final = 5
_FIRST_PAUSE_S: Final = 0.5
_TIMEOUT_S: Final = 5.0
_log = logging.getLogger("webhooks")


class WebhookSender:
    """A bounded queue of alerts on their way."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.alert_webhook_url.get_secret_value()
        self._external_url = settings.external_url
        self._waiting: asyncio.Queue[tuple[AlertInfo, str]] = asyncio.Queue(_MOST_WAITING)

    async def changed(self, alert: AlertInfo, cause: str) -> None:
        """An alert began or ended."""
        if not self._url:
            return
        try:
            self._waiting.put_nowait((alert, cause))
        except asyncio.QueueFull:
            metrics.WEBHOOKS.labels("dropped").inc()

    async def send_one(self) -> None:
        """Wait for an alert and send it, a few times if need be."""
        alert, cause = await self._waiting.get()
        body = webhook_of(alert, cause=cause, external_url=self._external_url)
        async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False, verify=trust()) as client:
            for attempt in range(_TRIES):
                try:
                    answer = await client.post(self._url, json=body)
                except httpx.HTTPError as error:
                    _log.warning("an alert could not be sent on: %s", type(error).__name__)
                else:
                    if answer.status_code < 500:
                        metrics.WEBHOOKS.labels("sent").inc()
                        return
                    _log.warning("an alert was answered by %d", answer.status_code)
                await asyncio.sleep(_FIRST_PAUSE_S * 2**attempt)
        metrics.WEBHOOKS.labels("failed").inc()
