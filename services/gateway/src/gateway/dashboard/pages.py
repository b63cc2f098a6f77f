"""Serves the dashboard at `/` under a policy without inline code or foreign hosts."""

from typing import Final

from fastapi import APIRouter, Request, Response

from common.errors import NotFound
from gateway.dashboard.files import File, Files

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'"
)
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_EACH_TIME: Final = "no-cache"


def dashboard_router(files: Files) -> APIRouter:
    """`/`, and the files below `/dashboard/{digest}/`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def page(request: Request) -> Response:
        return _answer(request, files.page, caching=_EACH_TIME)

    @router.get("/favicon.ico")
    async def icon(request: Request) -> Response:
        return _answer(request, _demanded(files.find("icon.svg")), caching=_EACH_TIME)

    @router.get("/dashboard/{digest}/{path:path}")
    async def file(request: Request, digest: str, path: str) -> Response:
        # A page that was open through an upgrade gets the new file, which it must not keep.
        is_present = files.root.endswith(f"/{digest}")
        found = _demanded(files.find(path))
        return _answer(request, found, caching=_FOR_EVER if is_present else _EACH_TIME)

    return router


def _demanded(found: File | None) -> File:
    if found is None:
        raise NotFound()
    return found


def _answer(request: Request, file: File, *, caching: str) -> Response:
    is_compressed = "gzip" in request.headers.get("accept-encoding", "")
    headers = {
        "Cache-Control": caching,
        "Content-Security-Policy": POLICY,
        "Vary": "Accept-Encoding",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
    if is_compressed:
        headers["Content-Encoding"] = "gzip"
    body = file.compressed if is_compressed else file.plain
    return Response(body, media_type=file.media_type, headers=headers)
