"""`python -m tracking` runs the tracking service."""

from common.serve import serve
from tracking.app import build_app
from tracking.settings import Settings


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    serve(build_app(settings), settings, component="tracking", port=settings.tracking_port)


if __name__ == "__main__":
    main()
