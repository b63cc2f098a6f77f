"""The source of a pipeline: names where pictures come from (contract, chapter 5).

The runtime fetches and decodes them; this file knows only what to ask for.
"""

from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field, JsonValue, ValidationInfo, field_validator

from common.schemas.vision import PortDescription
from vision_node.imaging import Frame
from vision_node.pipeline.ports import PortType, gives
from vision_node.pipeline.tool import Example, Params, Result, sample_pipeline

SourceType = Literal["sample", "upload", "file"]

_NEEDS: dict[str, str] = {"sample": "name", "upload": "image_id", "file": "file_path"}


def _conditions(schema: dict[str, Any]) -> None:
    """Say in JSON Schema too which parameter goes with which source."""
    schema["allOf"] = [
        {
            "if": {"properties": {"source_type": {"const": source}}},
            "then": {
                "required": [needed],
                "properties": {needed: {"type": "string"}},
            },
        }
        for source, needed in _NEEDS.items()
    ]


class ImageSource(Params):
    """Bring pictures in: an uploaded image, a file of the node, or a sample that the node ships."""

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

    @field_validator("image_id", "file_path", "name")
    @classmethod
    def _given_where_needed(cls, value: str | None, info: ValidationInfo) -> str | None:
        source_type = info.data.get("source_type", "")
        if not value and _NEEDS.get(source_type) == info.field_name:
            raise ValueError(f"source_type {source_type!r} needs {info.field_name}")
        return value

    def run(self, frame: Frame) -> Result:
        """Hand on the frame that the runtime fetched: `(H, W, 3)` uint8 BGR."""
        image = frame.image
        measured: dict[str, JsonValue] = {"width": image.width, "height": image.height}
        return Result(
            outputs={"image": image, "width": image.width, "height": image.height},
            measurements=measured,
        )
