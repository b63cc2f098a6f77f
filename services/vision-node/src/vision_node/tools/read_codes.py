"""Barcodes, QR codes and Data Matrix, wherever and however turned they are (by zxing-cpp)."""

from typing import Annotated, ClassVar, Literal

import zxingcpp
from pydantic import Field, JsonValue

from common.schemas.vision import PortDescription
from vision_node.imaging import Image, grey_pixels
from vision_node.overlay import Polygon
from vision_node.pipeline.ports import PortType, gives, takes
from vision_node.pipeline.tool import Example, Params, Result, Whole, sample_pipeline

Form = Literal[
    "aztec", "codabar", "code128", "code39", "code93", "data_matrix", "ean13", "ean8", "itf",
    "maxicode", "micro_qr", "pdf417", "qr", "upca", "upce",
]  # fmt: skip
_FORMS: dict[str, zxingcpp.BarcodeFormat] = {
    "aztec": zxingcpp.BarcodeFormat.Aztec,
    "codabar": zxingcpp.BarcodeFormat.Codabar,
    "code128": zxingcpp.BarcodeFormat.Code128,
    "code39": zxingcpp.BarcodeFormat.Code39,
    "code93": zxingcpp.BarcodeFormat.Code93,
    "data_matrix": zxingcpp.BarcodeFormat.DataMatrix,
    "ean13": zxingcpp.BarcodeFormat.EAN13,
    "ean8": zxingcpp.BarcodeFormat.EAN8,
    "itf": zxingcpp.BarcodeFormat.ITF,
    "maxicode": zxingcpp.BarcodeFormat.MaxiCode,
    "micro_qr": zxingcpp.BarcodeFormat.MicroQRCode,
    "pdf417": zxingcpp.BarcodeFormat.PDF417,
    "qr": zxingcpp.BarcodeFormat.QRCode,
    "upca": zxingcpp.BarcodeFormat.UPCA,
    "upce": zxingcpp.BarcodeFormat.UPCE,
}


class ReadCodes(Params):
    """Read barcodes, QR codes and Data Matrix: text, kind, place and turn of each."""

    category: ClassVar[str] = "identification"
    inputs: ClassVar[tuple[PortDescription, ...]] = (takes("image", PortType.IMAGE),)
    outputs: ClassVar[tuple[PortDescription, ...]] = (
        gives("text", PortType.TEXT),
        gives("count", PortType.NUMBER, unit="count"),
        gives("is_found", PortType.FLAG),
    )
    example: ClassVar[Example] = sample_pipeline(
        "codes", ("read_codes", {"formats": ["qr", "data_matrix", "ean13"]})
    )

    tool: Literal["read_codes"] = "read_codes"
    formats: Annotated[tuple[Form, ...], Field(strict=False)] = Field(
        (), max_length=20, description="Kinds that are looked for; all by default. Fewer is faster."
    )
    max_count: Whole = Field(50, ge=1, le=500, description="Most codes of a picture.")
    try_harder: bool = Field(True, description="Also turned by a quarter, inverted, and smaller.")

    def run(self, image: Image) -> Result:
        """Any image → its codes from the top downward; the text is that of the first."""
        formats = [_FORMS[name] for name in self.formats or _FORMS]
        read = zxingcpp.read_barcodes(
            grey_pixels(image),
            formats=zxingcpp.BarcodeFormats(formats),
            try_rotate=self.try_harder,
            try_downscale=self.try_harder,
            try_invert=self.try_harder,
        )
        found = sorted(read, key=lambda code: (code.position.top_left.y, code.position.top_left.x))
        found = found[: self.max_count]
        return Result(
            outputs={
                "text": found[0].text if found else None,
                "count": len(found),
                "is_found": bool(found),
            },
            measurements={
                "count": len(found),
                "text": found[0].text if found else None,
                "codes": [_code_json(code) for code in found],
            },
            overlay=tuple(
                Polygon(points=_corners(code), label=code.text[:60] or None) for code in found
            ),
        )


def _code_json(code: zxingcpp.Barcode) -> JsonValue:
    kind = next((name for name, form in _FORMS.items() if form == code.format), str(code.format))
    return {
        "text": code.text[:4000],
        "format": kind,
        "corners": [[x, y] for x, y in _corners(code)],
        "orientation_deg": code.orientation,
    }


def _corners(code: zxingcpp.Barcode) -> tuple[tuple[float, float], ...]:
    place = code.position
    corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
    return tuple((float(corner.x), float(corner.y)) for corner in corners)
