"""How bodies are read and how every error is answered, in each service alike."""

import json
import logging
from collections.abc import Callable, Coroutine, Iterable
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match

from common.errors import (
    BadRequest,
    DatabaseUnavailable,
    MalformedBody,
    NotFound,
    ServiceError,
    ValidationFailed,
    error_for_status,
)
from common.families import family_of, render
from common.portuguese import portuguese_of

_log = logging.getLogger("errors")
# PostgreSQL's classes for text or numbers that no column can hold.
_DATA_EXCEPTION = "22"
_CONNECTION_GONE = ("08", "57P", "53")


class StrictJsonRequest(Request):
    """Reads JSON by orjson, which refuses NaN, Infinity and lone surrogates; so is NUL."""

    async def json(self) -> Any:
        """The body as Python values.

        Raises:
            json.JSONDecodeError: not JSON, or JSON that no service can store.
        """
        if not hasattr(self, "_json"):
            body = await self.body()
            if b"\\u0000" in body:
                raise json.JSONDecodeError("a NUL character is not allowed in text", "", 0)
            try:
                self._json = orjson.loads(body)
            except orjson.JSONDecodeError as error:
                raise json.JSONDecodeError(error.msg, "", error.pos) from error
        return self._json


class StrictRoute(APIRoute):
    """A route whose body is read strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of FastAPI, given a strict request."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(StrictJsonRequest(request.scope, request.receive))

        return strict


def translate_validation(errors: Iterable[Any]) -> ServiceError:
    """Turn FastAPI's list of errors into one error of the house that names each field."""
    fields: dict[str, list[str]] = {}
    fields_pt: dict[str, list[str]] = {}
    in_body = False
    for error in errors:
        where, *names = error["loc"]
        if where == "path":
            return NotFound()
        if error["type"] == "json_invalid":
            return MalformedBody(str(error.get("ctx", {}).get("error", "syntax error")))
        in_body = in_body or where == "body"
        name = ".".join(str(part) for part in names) or "body"
        text = _text_of(error)
        fields.setdefault(name, []).append(text)
        fields_pt.setdefault(name, []).append(portuguese_of(error, english=text))
    return ValidationFailed(fields=fields, fields_pt=fields_pt, in_body=in_body)


def _text_of(error: Any) -> str:
    text = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return "This field is required." if error["type"] == "missing" else text


def translate_database(error: DBAPIError) -> ServiceError:
    """What a client may know of a failed statement: its own data, or that it should retry."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if error.connection_invalidated or state.startswith(_CONNECTION_GONE):
        return DatabaseUnavailable()
    if state.startswith(_DATA_EXCEPTION):
        return BadRequest("A value is outside of what can be stored.")
    if isinstance(error, OperationalError | InterfaceError) and not state:
        return DatabaseUnavailable()
    return ServiceError()


def answer(request: Request, error: ServiceError) -> Response:
    """The error as a response in the style of the path's family."""
    rendered = render(
        error,
        family=family_of(request.url.path),
        accept_language=request.headers.get("accept-language", ""),
    )
    return JSONResponse(rendered.body, status_code=rendered.status, headers=dict(rendered.headers))


async def _on_service_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    return answer(request, error)


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return answer(request, translate_validation(error.errors()))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods_of(request)))
    return answer(request, error_for_status(error.status_code, headers=headers))


def _methods_of(request: Request) -> set[str]:
    """All that this path takes; Starlette names those of the first route that has the path."""
    found: set[str] = set()
    for route in request.app.routes:
        matched, _ = route.matches(request.scope)
        if matched is not Match.NONE:
            found |= set(getattr(route, "methods", None) or ())
    return found


async def _on_database(request: Request, error: Exception) -> Response:
    assert isinstance(error, DBAPIError)
    told = translate_database(error)
    level = logging.WARNING if told.status == 503 else logging.ERROR
    _log.log(level, "database error", exc_info=error)
    return answer(request, told)


async def _on_unreachable(request: Request, error: Exception) -> Response:
    _log.warning("a dependency does not answer: %r", error)
    return answer(request, DatabaseUnavailable())


async def _on_anything(request: Request, error: Exception) -> Response:
    _log.error("unexpected error", exc_info=error)
    return answer(request, ServiceError())


def install_error_handlers(app: FastAPI) -> None:
    """Make this app answer every error in the caller's family, with no stack trace in any."""
    app.add_exception_handler(ServiceError, _on_service_error)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(DBAPIError, _on_database)
    app.add_exception_handler(PoolTimeout, _on_unreachable)
    app.add_exception_handler(ConnectionError, _on_unreachable)
    app.add_exception_handler(TimeoutError, _on_unreachable)
    app.add_exception_handler(Exception, _on_anything)
