"""Whose certificates our HTTP clients believe, read once for all clients of a process."""

import ssl
from functools import cache

import httpx


@cache
def trust() -> ssl.SSLContext:
    """The authorities that httpx believes, or those of `SSL_CERT_FILE`.

    Pass it as `verify`: a client without it reads all of them anew, 40 ms in which a loop stands
    still.
    """
    return httpx.create_ssl_context()
