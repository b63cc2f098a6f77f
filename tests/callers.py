"""HTTP clients for tests, which call plain HTTP on loopback.

A client that may meet TLS reads all certificates of the machine first: 40 ms, at each of the
thousands of clients that tests make, and at each question of who waits for a start.
"""

import ssl
from typing import Any, Final

import httpx

from tests.patience import PATIENCE_S

# It demands a certificate, and believes none.
TRUSTS_NOBODY: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def calling(base_url: str | httpx.URL = "", **options: Any) -> httpx.AsyncClient:
    """A client of what answers at this address; `options` are httpx's own."""
    options = {"timeout": PATIENCE_S, **options}
    return httpx.AsyncClient(base_url=base_url, verify=TRUSTS_NOBODY, **options)
