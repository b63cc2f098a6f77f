"""`python -m common.probe [URL]`: does a service answer? For health checks in containers.

The standard library alone, for it is started every few seconds; the address is `GEMBA_PROBE_URL`
where none is given.
"""

import os
import sys
from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError
from urllib.request import urlopen

_TIMEOUT_S: Final = 4.0


def problem(url: str) -> str | None:
    """What is wrong with the answer; None where there is nothing."""
    try:
        with urlopen(url, timeout=_TIMEOUT_S) as answer:
            answer.read()
    except HTTPError as error:
        return f"{url} answers {error.code}"
    except (OSError, HTTPException, ValueError) as error:
        return f"{url} does not answer: {type(error).__name__}"
    return None


if __name__ == "__main__":
    _found = problem(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("GEMBA_PROBE_URL", ""))
    sys.exit(_found)
