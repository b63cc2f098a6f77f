"""How busy this host is: processor, memory, disk, network by psutil, GPUs by NVML (chapter 9)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pynvml  # type: ignore[import-untyped]  # it ships no types

from common.schemas.mesh import GpuSample, HostSample


class HostSampler:
    """Takes samples; each one's CPU figure covers the time since the one before.

    Its calls read files of /proc, so they belong into a thread.
    """

    def __init__(self, node: str, data_dir: Path) -> None:
        self._node = node
        self._data_dir = data_dir
        self._has_gpu: bool | None = None

    def prime(self) -> None:
        """Begin the interval that the first CPU figure covers."""
        psutil.cpu_percent(interval=None)

    def sample(self) -> HostSample:
        """The host's load now."""
        # A container without a network has no counters, whatever the types say.
        network: Any = psutil.net_io_counters()
        return HostSample(
            node=self._node,
            timestamp=datetime.now(UTC),
            cpu_percent=psutil.cpu_percent(interval=None),
            memory_percent=psutil.virtual_memory().percent,
            disk_percent=_disk_percent(self._data_dir),
            load_average=[round(value, 2) for value in psutil.getloadavg()],
            network_bytes_sent=network.bytes_sent if network else 0,
            network_bytes_recv=network.bytes_recv if network else 0,
            gpu=self._gpus(),
        )

    def _gpus(self) -> list[GpuSample] | None:
        if self._has_gpu is False:
            return None
        found = read_gpus()
        self._has_gpu = found is not None
        return found


def _disk_percent(folder: Path) -> float:
    """The file system that holds our data; the root's while the folder does not exist yet."""
    try:
        return float(psutil.disk_usage(str(folder)).percent)
    except OSError:
        return float(psutil.disk_usage("/").percent)


def read_gpus() -> list[GpuSample] | None:
    """Every NVIDIA GPU's load; None where there is none or NVML does not answer."""
    try:
        with _library():
            count = pynvml.nvmlDeviceGetCount()
            return [_gpu(index) for index in range(count)] or None
    except pynvml.NVMLError:
        return None


@contextmanager
def _library() -> Iterator[None]:
    pynvml.nvmlInit()
    try:
        yield
    finally:
        pynvml.nvmlShutdown()


def _gpu(index: int) -> GpuSample:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    try:
        temperature_c = float(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))
    except pynvml.NVMLError:
        temperature_c = None
    return GpuSample(
        index=index,
        name=str(pynvml.nvmlDeviceGetName(handle)),
        utilization_percent=float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu),
        memory_percent=round(100.0 * int(memory.used) / max(1, int(memory.total)), 1),
        memory_total_mb=int(memory.total) // 2**20,
        temperature_c=temperature_c,
    )
