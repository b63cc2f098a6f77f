"""What a node can measure of its host; null, never a guess, where it cannot."""

import platform
from pathlib import Path
from typing import Any

import cv2
import psutil

from common.schemas.vision import SystemInfo
from vision_node.gpu import read_gpu


def prime() -> None:
    """Begin the interval that the next CPU figure covers."""
    psutil.cpu_percent(interval=None)


def system_info(data_dir: Path, *, node: str) -> SystemInfo:
    """The host's load now; CPU since the call before."""
    gpu = read_gpu()
    # A container without a network has no counters, whatever the types say.
    network: Any = psutil.net_io_counters()
    extra: dict[str, Any] = {
        "host": node,
        "network_bytes_sent": network.bytes_sent if network else 0,
        "network_bytes_recv": network.bytes_recv if network else 0,
        "gpu_reason": gpu if isinstance(gpu, str) else None,
        "gpu_temperature": None if isinstance(gpu, str) else gpu.temperature_c,
        "disk_usage": _disk_percent(data_dir),
        "load_average": [round(value, 2) for value in psutil.getloadavg()],
        "memory_available_mb": round(psutil.virtual_memory().available / 2**20),
    }
    return SystemInfo(
        cpu_usage=psutil.cpu_percent(interval=None),
        memory_usage=psutil.virtual_memory().percent,
        gpu_usage=None if isinstance(gpu, str) else gpu.usage,
        temperature=_temperature_c(),
        **extra,
    )


def hardware() -> dict[str, Any]:
    """What the machine is made of, as `hardware_specs` shows it."""
    gpu = read_gpu()
    graphics: dict[str, Any] = {"gpu": None, "gpu_memory_mb": None, "gpu_reason": gpu}
    if not isinstance(gpu, str):
        graphics = {"gpu": gpu.name, "gpu_memory_mb": gpu.memory_mb, "gpu_reason": None}
    return {
        "cpu": _processor(),
        "cores": psutil.cpu_count(logical=True),
        "memory": f"{round(psutil.virtual_memory().total / 2**30)}GB",
        **graphics,
        "platform": platform.platform(terse=True),
        "opencv": cv2.__version__,
    }


def _disk_percent(folder: Path) -> float | None:
    try:
        return psutil.disk_usage(str(folder)).percent
    except OSError:
        return None


def _temperature_c() -> float | None:
    """The hottest processor sensor; many virtual machines have none."""
    if not psutil.LINUX:
        return None
    sensors = psutil.sensors_temperatures()
    for name in ("coretemp", "k10temp", "cpu_thermal", "acpitz"):
        if sensors.get(name):
            return max(float(sensor.current) for sensor in sensors[name])
    return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
