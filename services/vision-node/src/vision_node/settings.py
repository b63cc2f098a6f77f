"""Settings of a vision node, by `GEMBA_*` variables."""

import os
import re
import socket
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from common.settings import ServiceSettings
from vision_node.inference.sessions import Provider

# Streams wait for frames most of their time, and a picture should find its thread busy with
# another one's end, not idle.
_FOR_EACH_CORE = 4
_ANY_ADDRESS = frozenset({"0.0.0.0", "::", ""})


class Settings(ServiceSettings):
    """What a node reads beside the settings of all."""

    vision_node_port: int = Field(5000, ge=1, le=65535, description="Port of the vision node.")
    machine_key: SecretStr = Field(
        SecretStr(""), description="API key with which the node registers and reports."
    )
    machine_name: str = Field(
        "", max_length=200, description="The machine's name, kept for good; the host's if empty."
    )
    machine_location: str = Field("", max_length=200, description="Where the machine stands.")
    machine_address: str = Field(
        "", max_length=253, description="Address at which the orchestrator reaches this node."
    )
    max_concurrent_inspections: int = Field(
        default_factory=lambda: _FOR_EACH_CORE * (os.cpu_count() or 1),
        ge=1,
        le=1000,
        description="Inspections at once, streams too; four a core if not set. What they cost "
        "bounds them as well: see GEMBA_MAX_WAIT_S.",
    )
    vision_threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=256,
        description="Threads that run tools; the number of cores if not set.",
    )
    max_wait_s: float = Field(
        1,
        gt=0,
        le=3600,
        description="A picture is refused, and stays in the queue, where by measured costs it "
        "would wait longer than this for a thread.",
    )
    image_folders: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders that `file` sources may read, separated by a colon."
    )
    source_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts that `url` and `rtsp` sources may reach, separated by commas: names, "
        "addresses, networks. Private addresses must be listed as addresses or networks.",
    )
    model_folders: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders with models of this site, separated by a colon."
    )
    onnx_provider: Provider = Field(
        "cpu", description="Where models run: cpu, cuda or tensorrt; the node refuses to fall back."
    )
    onnx_threads: int = Field(
        1, ge=1, le=64, description="Threads within one run of a model; tools run side by side."
    )
    onnx_lanes: int = Field(
        0,
        ge=0,
        le=64,
        description="Runs of one model side by side; what waits shares a run where the model takes "
        "batches. 0: as many as threads on a processor, one on a GPU.",
    )
    max_image_pixels: int = Field(
        64_000_000, ge=1, le=1_000_000_000, description="Largest picture that is decoded."
    )
    inspection_timeout_s: float = Field(
        60, gt=0, le=3600, description="Longest time that one picture may take."
    )
    heartbeat_interval_s: float = Field(10, gt=0, le=60, description="Time between heartbeats.")
    max_spooled_results: int = Field(
        10_000, ge=1, description="Results that may wait to be sent before work is refused."
    )

    @field_validator("image_folders", "model_folders", mode="before")
    @classmethod
    def _split_folders(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(Path(part) for part in value.split(os.pathsep) if part)
        return value

    @field_validator("source_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @property
    def name(self) -> str:
        """The machine's identity: the same after a restart."""
        return self.machine_name or f"MV-{socket.gethostname()}"

    @property
    def address(self) -> str:
        """Where the orchestrator pushes work to."""
        if self.machine_address:
            return self.machine_address
        return socket.gethostname() if self.host in _ANY_ADDRESS else self.host

    @property
    def onnx_runs_at_once(self) -> int:
        """Lanes of a model."""
        return self.onnx_lanes or (self.vision_threads if self.onnx_provider == "cpu" else 1)

    @property
    def spool_dir(self) -> Path:
        """Where results wait; one folder a machine, for several nodes may share a data folder."""
        return self.data_dir / "vision-node" / re.sub(r"[^A-Za-z0-9_.-]", "_", self.name)
