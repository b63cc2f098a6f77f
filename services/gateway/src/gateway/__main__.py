"""`python -m gateway` runs the gateway."""

from common.starting import importing

with importing():
    from common.serve import serve
    from gateway.app import build_gateway
    from gateway.guard import Guard, OpenConnections, guarded_protocol
    from gateway.settings import Settings


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    connections = OpenConnections(
        most=settings.max_connections, most_per_address=settings.max_connections_per_address
    )
    guard = Guard(
        connections,
        max_header_bytes=settings.max_header_bytes,
        header_timeout_s=settings.header_timeout_s,
    )
    serve(
        build_gateway(settings),
        settings,
        component="gateway",
        port=settings.gateway_port,
        http=guarded_protocol(guard),
    )


if __name__ == "__main__":
    main()
