"""`python -m devices` runs the devices service."""

from common.serve import serve
from devices.app import build_app
from devices.settings import Settings


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    serve(build_app(settings), settings, component="devices", port=settings.devices_port)


if __name__ == "__main__":
    main()
