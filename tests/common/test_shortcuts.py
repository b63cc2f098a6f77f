"""Shortcuts past the framework, and what they leave to it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request

from common.errors import BadRequest, Unavailable
from common.requests import install_error_handlers
from common.shortcuts import Call, Outcome, Shortcut, Shortcuts
from tests.callers import calling


def the_app() -> Shortcuts:
    """An app with one path; what its shortcut does stands in the path."""
    app = FastAPI()
    install_error_handlers(app)

    @app.post("/api/things/{name}/parts")
    async def documented(name: str, request: Request) -> str:
        return f"documented {name} {(await request.body()).decode()}"

    async def short(call: Call) -> Outcome:
        name = call.part
        if name == "declined":
            return None
        if name == "raised":
            raise BadRequest("never shown")
        if name == "broken":
            raise ZeroDivisionError
        if name == "failed":
            return Unavailable("It was begun.", retry_after_s=7)
        return b'"short ' + call.body + b'"'

    path = "/api/things/{name}/parts"
    return Shortcuts(app, lambda _: [Shortcut(path, None, 201, short, frozenset({b"x-odd"}))])


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(the_app())
    async with calling(transport=transport, base_url="http://app") as client:
        yield client


async def test_plain_request_takes_the_shortcut(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/things/a/parts", json=1)
    assert (response.status_code, response.json()) == (201, "short 1")


@pytest.mark.parametrize("name", ["declined", "raised", "broken"])
async def test_what_a_shortcut_declines_reaches_the_documented_path_whole(
    client: httpx.AsyncClient, name: str
) -> None:
    response = await client.post(f"/api/things/{name}/parts", json=1)
    assert (response.status_code, response.json()) == (200, f"documented {name} 1")


async def test_unusual_header_and_other_media_types_reach_the_documented_path(
    client: httpx.AsyncClient,
) -> None:
    odd = await client.post("/api/things/a/parts", json=1, headers={"X-Odd": "yes"})
    text = await client.post(
        "/api/things/a/parts", content=b"1", headers={"Content-Type": "text/plain"}
    )
    assert odd.json() == text.json() == "documented a 1"


async def test_failure_of_what_was_begun_is_answered_and_not_begun_again(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post("/api/things/failed/parts", json=1)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "7"
    assert "It was begun." in response.text
