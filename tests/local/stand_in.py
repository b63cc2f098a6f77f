"""A stand-in for any service: `/readyz`, its own environment, and a log line in their shape.

Run as `stand_in.py PACKAGE`; the runner's own tests need no more of a service than this.
"""

import json
import os
import signal
import subprocess
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
    port = int(os.environ[f"GEMBA_{package.upper()}_PORT"])
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if package == "tracking":  # a process of its own session, as a careless service might start
        subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
    if package == "printers":  # one that does not stop when asked
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    line = {"timestamp": "2026-01-02T03:04:05.678Z", "level": "INFO", "component": package}
    sys.stderr.write(json.dumps(line | {"message": "serving", "request_id": "req-1"}) + "\n")
    server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1])
