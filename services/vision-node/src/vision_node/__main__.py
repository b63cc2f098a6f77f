"""`python -m vision_node` runs a vision node."""

import logging
import os
import sys
import threading

from common.starting import importing

with importing():
    from fastapi import FastAPI

    from common.schemas.mesh import RESTART_EXIT_CODE
    from common.serve import serve
    from vision_node.app import build_app
    from vision_node.runtime.node import Node, refusal
    from vision_node.settings import Settings


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    if (reason := refusal(settings)) is not None:
        sys.exit(f"this node does not come online: {reason}")
    app = build_app(settings)
    serve(app, settings, component="vision-node", port=settings.vision_node_port)
    code = RESTART_EXIT_CODE if _was_told_to_restart(app) else 0
    if any(thread.name.startswith("vision") for thread in threading.enumerate()):
        # A tool is still in OpenCV and cannot be stopped; its inspection was given back already,
        # but Python would wait for its thread.
        logging.shutdown()
        os._exit(code)
    sys.exit(code)


def _was_told_to_restart(app: FastAPI) -> bool:
    node: Node | None = getattr(app.state, "node", None)
    return node is not None and node.restart.is_ordered


if __name__ == "__main__":
    main()
