"""`python -m devices` runs the devices service."""

from common.starting import importing

with importing():
    from common.serve import serve
    from common.shortcuts import Shortcuts
    from devices.api.readings_in import shortcuts
    from devices.app import build_app
    from devices.settings import Settings


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    app = Shortcuts(build_app(settings), shortcuts)
    serve(app, settings, component="devices", port=settings.devices_port)


if __name__ == "__main__":
    main()
