"""`python -m cluster` runs the cluster service."""

from common.starting import importing

with importing():
    from cluster.app import build_app
    from cluster.settings import Settings
    from common.serve import serve


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    serve(build_app(settings), settings, component="cluster", port=settings.cluster_port)


if __name__ == "__main__":
    main()
