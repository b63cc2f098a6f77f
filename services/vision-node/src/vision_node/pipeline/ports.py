"""The types of what flows along a connection, and how a tool declares its ports."""

from enum import StrEnum

from common.schemas.vision import PortDescription


class PortType(StrEnum):
    """What a value on a connection is."""

    IMAGE = "image"
    GREY = "grey"
    MASK = "mask"
    NUMBER = "number"
    FLAG = "flag"


# A mask is a grey image, and a grey image is an image.
_ALSO = {PortType.IMAGE: [PortType.GREY, PortType.MASK], PortType.GREY: [PortType.MASK]}


def takes(
    name: str,
    kind: PortType,
    *,
    unit: str | None = None,
    required: bool = True,
    many: bool = False,
) -> PortDescription:
    """An input; without a unit it takes any."""
    accepts = [also.value for also in _ALSO.get(kind, [])]
    return PortDescription(
        name=name, type=kind.value, unit=unit, required=required, accepts=accepts, many=many
    )


def gives(name: str, kind: PortType, *, unit: str | None = None) -> PortDescription:
    """An output."""
    return PortDescription(name=name, type=kind.value, unit=unit)
