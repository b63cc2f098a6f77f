"""Sends a picture through a running mesh and prints what was found: `make demo`.

A client of the public API and nothing else: log in, upload, inspect, wait, fetch the overlay.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

_HERE: Final = Path(__file__).parent
_FINAL: Final = ("completed", "failed", "cancelled")
_POLL_S: Final = 0.2
# The caps are the only saturated blue in the picture; what is smaller is the bottles' print.
CAPS: Final[dict[str, Any]] = {
    "tools": [
        {"name": "image_source", "parameters": {"source_type": "upload"}},
        {
            "name": "color_filter",
            "parameters": {"lower": [110, 200, 100], "upper": [130, 255, 255]},
        },
        {"name": "blob_detection", "parameters": {"min_area": 100, "max_area": 2000}},
    ],
    "connections": [
        {"from": "image_source", "to": "color_filter"},
        {"from": "color_filter", "to": "blob_detection"},
    ],
}


class DemoError(Exception):
    """Something that the person at the terminal can mend; its message says how."""


def main() -> int:
    """Inspect the picture named on the command line; 0 when the inspection was completed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", nargs="?", type=Path, default=_HERE / "pictures/bottles.jpg")
    parser.add_argument("--out", type=Path, default=_HERE / "out", help="folder for the overlay")
    options = parser.parse_args()
    try:
        url, password = find_mesh()
        with httpx.Client(base_url=url, timeout=30) as client:
            log_in(client, password)
            record = inspect(client, options.picture)
            report(record)
            save_overlay(client, record, options.out / f"{options.picture.stem}-overlay")
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except httpx.TransportError:
        print(f"demo: nobody answers at {url}; is `make run` running?", file=sys.stderr)
        return 1
    return 0 if record["status"] == "completed" else 1


def find_mesh() -> tuple[str, str]:
    """The gateway's address and the admin's password: from the environment or the data folder."""
    folder = Path(os.environ.get("GEMBA_DATA_DIR", ".gemba"))
    url = os.environ.get("GEMBA_URL") or _known_url(folder)
    password = os.environ.get("GEMBA_ADMIN_PASSWORD")
    file = folder / "secrets" / "admin_password"
    if not password and file.exists():
        password = file.read_text().strip()
    if not password:
        raise DemoError("no password: set GEMBA_ADMIN_PASSWORD, or run this beside `make run`")
    return url, password


def _known_url(folder: Path) -> str:
    try:
        return str(json.loads((folder / "state.json").read_text())["urls"]["gateway"])
    except (OSError, ValueError, KeyError):
        return "http://127.0.0.1:8000"


def log_in(client: httpx.Client, password: str) -> None:
    """Get a token as `admin` and keep it on the client."""
    body = {"username": "admin", "password": password}
    answer = _checked(client.post("/api/v1/auth/login", json=body), "the login")
    client.headers["Authorization"] = f"Bearer {answer['access_token']}"


def inspect(client: httpx.Client, picture: Path) -> dict[str, Any]:
    """Upload the picture, start the inspection and wait for its end; the whole record."""
    if not picture.is_file():
        raise DemoError(f"there is no picture {picture}")
    uploaded = _checked(
        client.post("/api/v1/images/", files={"file": (picture.name, picture.read_bytes())}),
        "the upload",
    )
    pipeline = json.loads(json.dumps(CAPS))
    pipeline["tools"][0]["parameters"]["image_id"] = uploaded["image_id"]
    created = _checked(
        client.post(
            "/api/v1/inspections/",
            json={
                "name": f"Bottle caps in {picture.name}",
                "inspection_type": "blob_detection",
                "pipeline_config": pipeline,
            },
        ),
        "the inspection",
    )
    shown = ""
    for record in _until_final(client, created["id"]):
        if record["status"] != shown:
            shown = record["status"]
            _progress(f"{record['id']}: {shown}")
    print(file=sys.stderr)
    return record


def _until_final(client: httpx.Client, inspection_id: str) -> Iterator[dict[str, Any]]:
    while True:
        record = _checked(client.get(f"/api/v1/inspections/{inspection_id}/"), "the result")
        yield record
        if record["status"] in _FINAL:
            return
        time.sleep(_POLL_S)


def report(record: dict[str, Any]) -> None:
    """Print what was found."""
    if record["status"] != "completed":
        print(f"{record['status']}: {record['error_message']}")
        return
    results = record["results"]
    print(f"{results['blob_count']} caps found in {results['processing_time'] * 1000:.1f} ms")
    for blob in results["blob_locations"]:
        place = f"x {blob['x']:4.0f}  y {blob['y']:4.0f}"
        print(f"  {place}  {blob['width']:.0f} × {blob['height']:.0f} px  area {blob['area']:.0f}")


def save_overlay(client: httpx.Client, record: dict[str, Any], path: Path) -> None:
    """Save the picture with what was found drawn over it."""
    for artifact in record["artifacts"]:
        if artifact["name"].startswith("overlay"):
            answer = client.get(f"/api/v1/inspections/{record['id']}/artifacts/{artifact['name']}")
            answer.raise_for_status()
            path = path.with_suffix(Path(artifact["name"]).suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(answer.content)
            print(f"overlay: {_shown(path)}")


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _checked(response: httpx.Response, what: str) -> dict[str, Any]:
    if response.is_error:
        try:
            message = response.json()["error"]["message"]
        except (ValueError, KeyError, TypeError):
            message = response.text[:200]
        raise DemoError(f"{what} was refused ({response.status_code}): {message}")
    answer: dict[str, Any] = response.json()
    return answer


def _progress(text: str) -> None:
    end = "" if sys.stderr.isatty() else "\n"
    start = "\r\033[K" if sys.stderr.isatty() else ""
    print(f"{start}{text}", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
