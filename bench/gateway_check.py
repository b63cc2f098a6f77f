"""The gateway's checks without its proxy, for nginx's `auth_request`: `gateway_check.py PORT`.

Route, caller, limit and token exchange are the gateway's own parts, in the same order; what nginx
does itself (passing on) is left out.
"""

import sys

from starlette.types import Receive, Scope, Send

from common.asgi import header_of
from common.errors import ServiceError
from common.serve import serve
from gateway.app import Gateway
from gateway.exchange import send_error
from gateway.settings import Settings


class Checker:
    """Answers 200 with the mesh's token, or what the gateway would refuse with."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request that nginx holds back."""
        edge = self._gateway.edge
        original = header_of(scope, b"x-original-uri") if scope["type"] == "http" else None
        if original is None:
            await edge(scope, receive, send)
            return
        scope["path"] = original.partition("?")[0].rstrip("/")
        if scope["path"].startswith("/ws/"):
            scope["type"] = "websocket"
        try:
            exchange = edge._begin(scope)
            await edge._admit(exchange)
        except ServiceError as error:
            scope["type"] = "http"
            await send_error(scope, send, error, headers=[])
            return
        token = (exchange.mesh_token or "").encode()
        headers = [
            (b"x-mesh-token", token), (b"content-length", b"0"), *exchange.limit_headers()
        ]  # fmt: skip
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body"})


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    checker = Checker(Gateway(settings))
    serve(checker, settings, component="gateway", port=int(sys.argv[1]))


if __name__ == "__main__":
    main()
