"""A model's manifest: what it takes, what it gives, and the hash without which it is not loaded."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class ModelError(Exception):
    """A model cannot be used; the message is for the user and shows no path of this host."""


class ModelInput(BaseModel):
    """How a picture becomes the model's input."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    width: int = Field(ge=8, le=4096)
    height: int = Field(ge=8, le=4096)
    layout: Literal["nchw", "nhwc"] = "nchw"
    dtype: Literal["uint8", "float32"] = "float32"
    channels: Literal["rgb", "bgr"] = "rgb"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    fit: Literal["stretch", "letterbox"] = "letterbox"


class Manifest(BaseModel):
    """One model of a folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    description: str = ""
    file: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    output: Literal["ssd", "yolov5", "yolov8", "yolo_end2end"]
    labels: list[str] | dict[str, str]
    input: ModelInput
    max_batch: int = Field(1, ge=1, le=64)
    licence: str = ""

    def label(self, number: int) -> str:
        """The name of a class; its number where it has none."""
        if isinstance(self.labels, dict):
            return self.labels.get(str(number), str(number))
        return self.labels[number] if 0 <= number < len(self.labels) else str(number)

    @property
    def all_labels(self) -> list[str]:
        """Every class that the model knows."""
        return list(self.labels.values()) if isinstance(self.labels, dict) else list(self.labels)


def read_manifests(folders: Iterable[Path]) -> dict[str, tuple[Manifest, Path]]:
    """Every model of the folders by name, with its file; a later folder wins.

    Raises ModelError where a manifest is malformed: the node must not start with it.
    """
    found: dict[str, tuple[Manifest, Path]] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.json")):
            try:
                manifest = Manifest.model_validate_json(path.read_bytes())
            except (OSError, ValidationError) as error:
                reason = re.sub(r"\s+", " ", str(error))[:300]
                raise ModelError(f"the manifest {path.name} cannot be read: {reason}") from error
            found[manifest.name] = manifest, folder / manifest.file
    return found


def verified(manifest: Manifest, file: Path) -> bytes:
    """The model's bytes; raises ModelError where they are not those of the manifest."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ModelError(f"the file of the model {manifest.name!r} cannot be read") from error
    if hashlib.sha256(data).hexdigest() != manifest.sha256:
        raise ModelError(
            f"the model {manifest.name!r} is refused: its file is not the one that the manifest "
            "names (sha256 differs)"
        )
    return data
