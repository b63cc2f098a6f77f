"""The types of what flows along a connection, and how a tool declares its ports."""

from collections.abc import Sequence
from enum import StrEnum

from common.schemas.vision import PortDescription


class PortType(StrEnum):
    """What a value on a connection is."""

    IMAGE = "image"
    GREY = "grey"
    MASK = "mask"
    NUMBER = "number"
    FLAG = "flag"
    TEXT = "text"
    POINT = "point"
    LINE = "line"
    CIRCLE = "circle"
    POSE = "pose"
    FIXTURE = "fixture"
    REGIONS = "regions"
    DETECTIONS = "detections"
    TRACKS = "tracks"


# A mask is a grey image, and a grey image is an image; a circle's centre is a point, and so is
# the place of a pose; tracks are detections that have a number.
_ALSO = {
    PortType.IMAGE: [PortType.GREY, PortType.MASK],
    PortType.GREY: [PortType.MASK],
    PortType.POINT: [PortType.CIRCLE, PortType.POSE],
    PortType.DETECTIONS: [PortType.TRACKS],
}


def takes(
    name: str,
    kind: PortType,
    *,
    unit: str | None = None,
    required: bool = True,
    many: bool = False,
    also: Sequence[PortType] = (),
) -> PortDescription:
    """An input; without a unit it takes any. `also` are further types that it can work with."""
    accepts = [other.value for other in dict.fromkeys((*_ALSO.get(kind, []), *also))]
    return PortDescription(
        name=name, type=kind.value, unit=unit, required=required, accepts=accepts, many=many
    )


def gives(name: str, kind: PortType, *, unit: str | None = None) -> PortDescription:
    """An output."""
    return PortDescription(name=name, type=kind.value, unit=unit)
