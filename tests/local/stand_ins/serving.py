"""A stand-in for a service: `/readyz` and its own environment, so the runner can be tested alone."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = json.dumps(dict(os.environ) if self.path == "/environment" else {"status": "ok"})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def serve(package: str) -> None:
    server = ThreadingHTTPServer(
        ("127.0.0.1", int(os.environ[f"GEMBA_{package.upper()}_PORT"])), Handler
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    line = {"timestamp": "2026-01-02T03:04:05.678Z", "level": "INFO", "component": package}
    sys.stderr.write(json.dumps(line | {"message": "serving", "request_id": "req-1"}) + "\n")
    server.serve_forever()
