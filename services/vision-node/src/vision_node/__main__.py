"""`python -m vision_node` runs a vision node."""

import logging
import os
import sys
import threading

from common.serve import serve
from vision_node.app import build_app
from vision_node.runtime.node import refusal
from vision_node.settings import Settings


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    if (reason := refusal(settings)) is not None:
        sys.exit(f"this node does not come online: {reason}")
    serve(build_app(settings), settings, component="vision-node", port=settings.vision_node_port)
    if any(thread.name.startswith("vision") for thread in threading.enumerate()):
        # A tool is still in OpenCV and cannot be stopped; its inspection was given back already,
        # but Python would wait for its thread.
        logging.shutdown()
        os._exit(0)


if __name__ == "__main__":
    main()
