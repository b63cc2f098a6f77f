"""One OpenAPI document of the whole mesh, merged from those of the services."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import httpx
import orjson

from gateway.upstreams import Upstream

_TICK_S: Final = 1.0
_REFRESH_TICKS: Final = 30
_TIMEOUT_S: Final = 5.0
_REFERENCE: Final = "#/components/schemas/"
_log = logging.getLogger("openapi")


class MergedOpenApi:
    """Keeps the last document that each service gave, so that one which is down stays shown."""

    def __init__(
        self,
        own: dict[str, Any],
        *,
        upstreams: Mapping[str, Upstream],
        is_public: Callable[[str], bool],
    ) -> None:
        self._is_public = is_public
        self._upstreams = upstreams
        self._own = own
        self._texts: dict[str, bytes] = {}
        self._merged = merge({"gateway": own}, is_public=self._is_public)

    def document(self) -> dict[str, Any]:
        """The merged document."""
        return self._merged

    async def keep_fresh(self, client: httpx.AsyncClient) -> None:
        """Fetch the services' documents, soon at first and then now and again; for the lifespan."""
        while True:
            await self._fetch(client, self._upstreams)
            for _ in range(_REFRESH_TICKS):
                await asyncio.sleep(_TICK_S)
                await self._fetch(client, self._upstreams.keys() - self._texts.keys())

    async def _fetch(self, client: httpx.AsyncClient, names: Iterable[str]) -> None:
        """Fetch these; the merged document is made anew when one of them is another than before."""
        texts = {name: await _text_of(client, self._upstreams[name]) for name in names}
        changed = {n: text for n, text in texts.items() if text and text != self._texts.get(n)}
        if changed:
            self._texts |= changed
            documents = {name: orjson.loads(text) for name, text in self._texts.items()}
            self._merged = merge({"gateway": self._own, **documents}, is_public=self._is_public)


async def _text_of(client: httpx.AsyncClient, upstream: Upstream) -> bytes | None:
    """A service's document as JSON; None while it gives none."""
    try:
        response = await client.get(f"{upstream.url}/openapi.json", timeout=_TIMEOUT_S)
        response.raise_for_status()
        orjson.loads(response.content)
    except (httpx.HTTPError, orjson.JSONDecodeError) as error:
        _log.debug("no document from %s: %r", upstream.name, error)
        return None
    return response.content


def merge(
    documents: Mapping[str, dict[str, Any]], *, is_public: Callable[[str], bool]
) -> dict[str, Any]:
    """One document out of several; schemas of one name and different content get a prefix.

    Args:
        documents: the OpenAPI documents by service; `gateway` gives title and version.
        is_public: true for a path that wants no credential.
    """
    base = documents["gateway"]
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for service, document in documents.items():
        own = document.get("components", {}).get("schemas", {})
        renamed = {
            name: f"{service}_{name}"
            for name, schema in own.items()
            if name in schemas and schemas[name] != schema
        }
        document = _rename(document, renamed)
        schemas.update(document.get("components", {}).get("schemas", {}))
        for path, operations in document.get("paths", {}).items():
            if not path.startswith("/internal/"):
                security: list[dict[str, Any]] = [] if is_public(path) else [{"bearer": []}]
                paths.setdefault(path, _labelled(operations, service, security=security))
    return {
        "openapi": base["openapi"],
        "info": base["info"],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token from any login door, or an API key (`sk_live_…`).",
                }
            },
        },
    }


def _rename(value: Any, renamed: Mapping[str, str]) -> Any:
    if not renamed:
        return value
    if isinstance(value, dict):
        out = {key: _rename(item, renamed) for key, item in value.items()}
        reference = out.get("$ref")
        if isinstance(reference, str) and reference.startswith(_REFERENCE):
            name = reference.removeprefix(_REFERENCE)
            out["$ref"] = _REFERENCE + renamed.get(name, name)
        if isinstance(schemas := out.get("schemas"), dict):
            out["schemas"] = {renamed.get(name, name): item for name, item in schemas.items()}
        return out
    if isinstance(value, list):
        return [_rename(item, renamed) for item in value]
    return value


def _labelled(operations: Any, service: str, *, security: list[dict[str, Any]]) -> Any:
    """Operations with the service in their id, a tag at least, and what they want of a caller."""
    labelled = {}
    for method, operation in operations.items():
        if isinstance(operation, dict) and "responses" in operation:
            operation = {
                **operation,
                "tags": operation.get("tags") or [service],
                "operationId": f"{service}_{operation.get('operationId', method)}",
                "security": security,
            }
        labelled[method] = operation
    return labelled
