"""The cookie that a browser's session lives in (decision record 0060)."""

from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from common.asgi import header_of

COOKIE: Final = "gemba_session"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_PAGE_HEADER: Final = b"x-gemba-page"


def session_token(scope: Scope) -> str | None:
    """The token in the session cookie, None where there is none."""
    header = header_of(scope, b"cookie")
    if header is None or COOKIE not in header:
        return None
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel is not None and morsel.value else None


def has_page_header(scope: Scope) -> bool:
    """True when a page of ours sent this: no other page can make a browser set the header."""
    return header_of(scope, _PAGE_HEADER) is not None


def set_session(response: Response, request: Request, *, token: str, lifetime_s: int) -> None:
    """Give the browser its session: no script reads it, no other site's page sends it."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=lifetime_s,
        path="/",
        httponly=True,
        samesite="strict",
        secure=is_secure(request),
    )


def drop_session(response: Response, request: Request) -> None:
    """Take the cookie back."""
    response.delete_cookie(
        COOKIE, path="/", httponly=True, samesite="strict", secure=is_secure(request)
    )


def is_secure(request: Request) -> bool:
    """True when the browser came by HTTPS, to us or to the proxy before us."""
    forwarded = header_of(request.scope, b"x-forwarded-proto") or ""
    return request.url.scheme == "https" or forwarded.split(",")[0].strip() == "https"
