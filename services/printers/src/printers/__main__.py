"""`python -m printers` runs the printers service."""

from common.serve import serve
from printers.app import build_app
from printers.settings import Settings


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    serve(build_app(settings), settings, component="printers", port=settings.printers_port)


if __name__ == "__main__":
    main()
