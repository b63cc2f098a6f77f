"""`python -m orchestrator` runs the orchestrator."""

from common.starting import importing

with importing():
    from common.serve import serve
    from orchestrator.app import build_app
    from orchestrator.settings import Settings


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    serve(build_app(settings), settings, component="orchestrator", port=settings.orchestrator_port)


if __name__ == "__main__":
    main()
