"""One trace from the caller through gateway, orchestrator and node, and back."""

import asyncio
import gzip
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from gemba_local.mesh import LocalMesh
from tests.callers import calling
from tests.conftest import log_in
from tests.patience import PATIENCE_S

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Collector(ThreadingHTTPServer):
    """An OpenTelemetry collector that keeps what it is sent: (service, name, ids)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Intake)
        self.spans: list[tuple[str, str, str, str, str]] = []
        self.lock = Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def of(self, trace_id: str) -> list[tuple[str, str, str, str]]:
        """Service, name, id and parent of each span of a trace."""
        with self.lock:
            return [span[1:] for span in self.spans if span[0] == trace_id]


class Intake(BaseHTTPRequestHandler):
    """Takes OTLP over HTTP."""

    server: Collector
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        request = ExportTraceServiceRequest.FromString(body)
        with self.server.lock:
            for group in request.resource_spans:
                names = {one.key: one.value.string_value for one in group.resource.attributes}
                for scope in group.scope_spans:
                    self.server.spans += [
                        (
                            span.trace_id.hex(),
                            names["service.name"],
                            span.name,
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                        )
                        for span in scope.spans
                    ]
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing to say."""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def traced(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMesh]:
    settings = {"GEMBA_OTLP_URL": collector.url}
    with LocalMesh(tmp_path_factory.mktemp("traced") / "data", settings=settings) as mesh:
        yield mesh


def is_whole(spans: list[tuple[str, str, str, str]], wanted: set[tuple[str, str]]) -> bool:
    """True when all wanted spans are there, and each hangs on another one or on the caller's."""
    ids = {span_id for _, _, span_id, _ in spans} | {PARENT}
    named = {(service, name) for service, name, _, _ in spans}
    return wanted <= named and all(parent in ids for _, _, _, parent in spans)


async def test_one_trace_leads_from_the_caller_to_the_node_and_back(
    traced: LocalMesh, collector: Collector
) -> None:
    async with calling(traced.url) as client:
        answer = await log_in(client, "admin", traced.admin_password)
        client.headers["Authorization"] = f"Bearer {answer['access_token']}"
        tools = (await client.get("/api/v1/tools/")).json()["tools"]
        example = next(tool["example"] for tool in tools if tool["name"] == "blob_detection")
        made = await client.post(
            "/api/v1/inspections/",
            json={
                "name": "Traced",
                "inspection_type": "blob_detection",
                "pipeline_config": example,
            },
            headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "traced-1"},
        )
        assert made.status_code == 201, made.text
        wanted = {
            ("gateway", "POST /api/v1/inspections"),
            ("orchestrator", "POST /api/v1/inspections"),
            ("vision-node", "POST /internal/inspections"),
            ("gateway", "POST /api/v1/webhooks"),
            ("orchestrator", "POST /api/v1/webhooks/results"),
        }
        # Each process sends its spans on its own, a parent may come after its child.
        async with asyncio.timeout(PATIENCE_S):
            while not is_whole(collector.of(TRACE), wanted):
                await asyncio.sleep(0.1)
    spans = collector.of(TRACE)
    node = next(one for one in spans if one[0] == "vision-node")
    back = [one for one in spans if one[1] == "POST /api/v1/webhooks"]
    assert all(parent == node[2] for _, _, _, parent in back)
    assert not [name for _, name, _, _ in spans if "healthz" in name or "metrics" in name]
