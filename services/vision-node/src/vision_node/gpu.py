"""Figures of an NVIDIA GPU where there is one, and the reason where there is none (chapter 5)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pynvml  # type: ignore[import-untyped]  # it ships no types


@dataclass(frozen=True, slots=True)
class GpuFigures:
    """The first GPU; percent and degrees Celsius."""

    name: str
    usage: float
    memory_mb: int
    temperature_c: float | None


def read_gpu() -> GpuFigures | str:
    """The figures now, or in words why there are none."""
    try:
        with _library():
            if not pynvml.nvmlDeviceGetCount():
                return "no NVIDIA GPU is in this machine"
            handle = pynvml.nvmlDeviceGetHandleByIndex(0)
            return GpuFigures(
                name=str(pynvml.nvmlDeviceGetName(handle)),
                usage=float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu),
                memory_mb=int(pynvml.nvmlDeviceGetMemoryInfo(handle).total) // 2**20,
                temperature_c=_temperature_c(handle),
            )
    except pynvml.NVMLError as error:
        return f"no GPU figures: {error}"


@contextmanager
def _library() -> Iterator[None]:
    pynvml.nvmlInit()
    try:
        yield
    finally:
        pynvml.nvmlShutdown()


def _temperature_c(handle: object) -> float | None:
    try:
        return float(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))
    except pynvml.NVMLError:
        return None
