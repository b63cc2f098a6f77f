"""`python -m printers` runs the printers service."""

from common.starting import importing

with importing():
    from common.serve import serve
    from common.shortcuts import Shortcuts
    from printers.api.status import shortcuts
    from printers.app import build_app
    from printers.settings import Settings


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    app = Shortcuts(build_app(settings), shortcuts)
    serve(app, settings, component="printers", port=settings.printers_port)


if __name__ == "__main__":
    main()
