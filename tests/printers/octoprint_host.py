"""A real OctoPrint from PyPI with its virtual printer, in an environment of its own.

The environment is made once and kept below `.cache/` of the checkout.
"""

import fcntl
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx

from tests.callers import TRUSTS_NOBODY
from tests.infrastructure import _die_with_parent, free_port, stop
from tests.patience import PATIENCE_S, wait_until

VERSION: Final = "1.11.8"
_ROOT: Final = Path(__file__).parents[2]
_CACHE: Final = _ROOT / ".cache"
_UV: Final = _ROOT / ".tools" / "bin" / "uv"
_CONFIG: Final = """\
accessControl: {autologinLocal: false}
server:
  host: 127.0.0.1
  port: %(port)d
  firstRun: false
  onlineCheck: {enabled: false}
  pluginBlacklist: {enabled: false}
plugins:
  virtual_printer: {enabled: true}
  _disabled: [softwareupdate, pluginmanager, announcements, discovery, tracking, errortracking, \
backup]
serial: {port: VIRTUAL, baudrate: 115200, autoconnect: true}
webcam: {timelapse: {type: "off"}}
"""


def environment() -> Path:
    """The folder of the environment's programs; made where it is not there yet."""
    folder = _CACHE / f"octoprint-{VERSION}"
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / "octoprint.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "bin" / "octoprint").exists():
            shutil.rmtree(folder, ignore_errors=True)
            python = folder / "bin" / "python"
            steps: list[list[str | Path]] = [
                ["venv", "--seed", "--python", sys.executable, folder],
                ["pip", "install", "--system-certs", "--python", python, f"OctoPrint=={VERSION}"],
            ]
            for words in steps:
                subprocess.run([_UV, *words, "--quiet"], check=True, timeout=600)
    return folder / "bin"


class OctoPrintHost:
    """One OctoPrint server; it survives `kill` as a Raspberry Pi survives a power cut."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.api_key = secrets.token_hex(16).upper()
        self._folder = folder
        self._program = environment() / "octoprint"
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Make its folder, with one user whose key we know."""
        self._folder.mkdir(parents=True)
        (self._folder / "config.yaml").write_text(_CONFIG % {"port": self.port})
        about: list[str | Path] = ["--iknowwhatimdoing", "--basedir", self._folder]
        user = ["user", "add", "gemba", "--password", secrets.token_hex(8), "--admin"]
        subprocess.run([self._program, *about, *user], check=True, capture_output=True, timeout=60)
        users = self._folder / "users.yaml"
        text = users.read_text()
        assert "apikey: null" in text, text
        users.write_text(text.replace("apikey: null", f"apikey: {self.api_key}"))

    def start(self) -> None:
        """Run it until its printer is connected."""
        command: list[str | Path] = [
            self._program,
            "serve",
            "--iknowwhatimdoing",
            "--basedir",
            self._folder,
        ]
        with (self._folder / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, preexec_fn=_die_with_parent
            )
        wait_until(self.is_operational, what="OctoPrint's start")

    def call(self, method: str, path: str, **options: object) -> httpx.Response:
        """Use its REST API as its owner does."""
        headers = {"X-Api-Key": self.api_key}
        return httpx.request(
            method,
            f"{self.url}{path}",
            headers=headers,
            timeout=10,
            verify=TRUSTS_NOBODY,
            **options,  # type: ignore[arg-type]  # passed on as they are
        )

    def is_operational(self) -> bool:
        """True once the virtual printer is connected."""
        try:
            answer = self.call("GET", "/api/connection")
        except httpx.TransportError:
            return False
        if answer.status_code != 200:
            return False
        state = answer.json()["current"]["state"]
        if state == "Closed":
            body = {"command": "connect", "port": "VIRTUAL", "baudrate": 115200}
            self.call("POST", "/api/connection", json=body)
        return bool(state == "Operational")

    def print_file(self, name: str, gcode: str) -> None:
        """Upload a file and print it."""
        files = {"file": (name, gcode.encode())}
        data = {"select": "true", "print": "true"}
        answer = self.call("POST", "/api/files/local", files=files, data=data)
        assert answer.status_code == 201, answer.text

    def kill(self) -> None:
        """Cut its power."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def close(self) -> None:
        """Stop it."""
        if self._process is not None:
            stop(self._process)


def gcode(moves: int) -> str:
    """A file that heats, moves so many times and cools."""
    lines = ["M140 S60", "M104 S200", "G28"]
    lines += [
        f"G1 X{number % 100} Y{number % 80} E{number * 0.1:.2f} F3000" for number in range(moves)
    ]
    return "\n".join([*lines, "M104 S0", ""])
