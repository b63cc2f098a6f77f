"""Python imports this at start where its folder is on the path: blocking calls in a loop raise.

The services' processes get it in tests, so that a slow disk or lock cannot hide in a coroutine.
The runner does not: nobody waits for its loop.
"""

import sys

_SERVICES = {
    "gateway", "gateway.mqtt", "orchestrator", "vision_node", "tracking", "printers", "devices",
    "cluster",
}  # fmt: skip

if sys.orig_argv[1:2] == ["-m"] and sys.orig_argv[2] in _SERVICES:
    from blockbuster import BlockBuster

    # Files are left out: first imports and templates read them, once, in any coroutine.
    for _name, _function in BlockBuster().functions.items():
        if _name.startswith(("time.", "socket.", "ssl.", "subprocess.", "sqlite3.")):
            _function.activate()
