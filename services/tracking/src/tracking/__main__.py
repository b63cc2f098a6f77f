"""`python -m tracking` runs the tracking service."""

from common.starting import importing

with importing():
    from common.serve import serve
    from common.shortcuts import Shortcuts
    from tracking.api.observations import shortcuts
    from tracking.app import build_app
    from tracking.settings import Settings


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    app = Shortcuts(build_app(settings), shortcuts)
    serve(app, settings, component="tracking", port=settings.tracking_port)


if __name__ == "__main__":
    main()
