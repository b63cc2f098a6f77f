"""The source of a pipeline: names where pictures come from (contract, chapter 5).

The runtime fetches and decodes them; this file knows only what to ask for.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, JsonValue, ValidationInfo, field_validator

from common.schemas.vision import PortDescription
from vision_node.imaging import Frame
from vision_node.pipeline.ports import PortType, gives
from vision_node.pipeline.tool import Example, Params, Result, Whole, sample_pipeline

SourceType = Literal["sample", "upload", "file", "url", "video", "camera", "rtsp", "floor"]
LIVE = frozenset({"video", "camera", "rtsp", "floor"})

_NEEDS: dict[str, tuple[str, str]] = {
    "sample": ("name", "string"),
    "upload": ("image_id", "string"),
    "file": ("file_path", "string"),
    "url": ("url", "string"),
    "rtsp": ("url", "string"),
    "camera": ("device", "integer"),
    "floor": ("camera_id", "string"),
}


def _conditions(schema: dict[str, Any]) -> None:
    """Say in JSON Schema too which parameter goes with which source."""
    schema["allOf"] = [
        {
            "if": {"properties": {"source_type": {"const": source}}},
            "then": {
                "required": [needed],
                "properties": {needed: {"type": kind}},
            },
        }
        for source, (needed, kind) in _NEEDS.items()
    ]
    either = [
        {"required": [needed], "properties": {needed: {"type": "string"}}}
        for needed in ("file_path", "image_id")
    ]
    video = {"properties": {"source_type": {"const": "video"}}}
    schema["allOf"].append({"if": video, "then": {"oneOf": either}})


class ImageSource(Params):
    """Bring pictures in: an upload, a file, a URL, a sample, a video or a camera."""

    model_config = ConfigDict(json_schema_extra=_conditions)

    category: ClassVar[str] = "source"
    inputs: ClassVar[tuple[PortDescription, ...]] = ()
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("image", PortType.IMAGE),
        gives("width", PortType.NUMBER, unit="px"),
        gives("height", PortType.NUMBER, unit="px"),
    )
    example: ClassVar[Example] = sample_pipeline("blobs")

    tool: Literal["image_source"] = "image_source"
    source_type: SourceType = Field(description="Where the pictures come from.")
    image_id: str | None = Field(
        None, max_length=100, description="upload: the id that the upload answered."
    )
    file_path: str | None = Field(
        None, max_length=1024, description="file: a path in the folders that the node may read."
    )
    name: str | None = Field(
        None, max_length=40, description="sample: the name of a picture that the node ships."
    )

    url: str | None = Field(
        None, max_length=2048, description="url, rtsp: where; only hosts that the node may reach."
    )
    device: Annotated[Whole, Field(ge=0, le=63)] | None = Field(
        None, description="camera: the number of a camera of the node."
    )
    camera_id: str | None = Field(
        None,
        max_length=64,
        description="floor: a camera of the tracking service, which tells its address to the node.",
    )
    loop: bool = Field(False, description="video: begin again at the end, until cancelled.")
    max_fps: float | None = Field(
        None, gt=0, le=240, description="Most frames a second; the others are let go."
    )
    policy: Literal["auto", "drop_oldest", "every_frame"] = Field(
        "auto",
        description="When frames come faster than they are inspected; auto: a video waits, "
        "a camera drops the oldest.",
    )

    @field_validator("image_id", "file_path", "name", "url", "device", "camera_id")
    @classmethod
    def _given_where_needed(cls, value: object, info: ValidationInfo) -> object:
        source_type = info.data.get("source_type", "")
        needed, _ = _NEEDS.get(source_type, ("", ""))
        if value in (None, "") and needed == info.field_name:
            raise ValueError(f"source_type {source_type!r} needs {info.field_name}")
        return value

    @field_validator("file_path")
    @classmethod
    def _one_video(cls, value: str | None, info: ValidationInfo) -> str | None:
        is_video = info.data.get("source_type") == "video"
        if is_video and bool(value) == bool(info.data.get("image_id")):
            raise ValueError("source_type 'video' needs file_path or image_id, one of them")
        return value

    @property
    def is_live(self) -> bool:
        """It gives more than one frame."""
        return self.source_type in LIVE

    @property
    def drops_oldest(self) -> bool:
        """Frames that come too fast are let go."""
        return self.policy == "drop_oldest" or (
            self.policy == "auto" and self.source_type != "video"
        )

    def run(self, frame: Frame) -> Result:
        """Hand on the frame that the runtime fetched: `(H, W, 3)` uint8 BGR."""
        image = frame.image
        measured: dict[str, JsonValue] = {"width": image.width, "height": image.height}
        return Result(
            outputs={"image": image, "width": image.width, "height": image.height},
            measurements=measured,
        )
