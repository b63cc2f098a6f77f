"""Spellings of units brought to one symbol each, and which of them can be turned into each other.

A table, not a library: pint takes half a second to import and knows far more than devices send.
Symbols follow the SI and, for what SenML names, RFC 8428 and RFC 8798.
"""

from decimal import Decimal
from typing import Final, NamedTuple

LONGEST: Final = 32


class Scale(NamedTuple):
    """A unit as `factor × value + offset` of its dimension's first unit."""

    dimension: str
    factor: Decimal
    offset: Decimal


def _scale(dimension: str, factor: str, offset: str = "0") -> Scale:
    return Scale(dimension, Decimal(factor), Decimal(offset))


# Of °F: (F − 32) × 5/9, kept to 28 digits.
_FIVE_NINTHS: Final = "0.5555555555555555555555555556"
_SCALES: Final = {
    "°C": _scale("temperature", "1"),
    "K": _scale("temperature", "1", "-273.15"),
    "°F": _scale("temperature", _FIVE_NINTHS, "-17.77777777777777777777777778"),
    "Pa": _scale("pressure", "1"),
    "hPa": _scale("pressure", "100"),
    "mbar": _scale("pressure", "100"),
    "kPa": _scale("pressure", "1000"),
    "bar": _scale("pressure", "100000"),
    "MPa": _scale("pressure", "1000000"),
    "psi": _scale("pressure", "6894.757293168"),
    "m": _scale("length", "1"),
    "mm": _scale("length", "0.001"),
    "cm": _scale("length", "0.01"),
    "µm": _scale("length", "0.000001"),
    "km": _scale("length", "1000"),
    "in": _scale("length", "0.0254"),
    "g": _scale("mass", "1"),
    "mg": _scale("mass", "0.001"),
    "kg": _scale("mass", "1000"),
    "t": _scale("mass", "1000000"),
    "s": _scale("time", "1"),
    "ms": _scale("time", "0.001"),
    "min": _scale("time", "60"),
    "h": _scale("time", "3600"),
    "W": _scale("power", "1"),
    "kW": _scale("power", "1000"),
    "Wh": _scale("energy", "1"),
    "kWh": _scale("energy", "1000"),
    "V": _scale("voltage", "1"),
    "mV": _scale("voltage", "0.001"),
    "A": _scale("current", "1"),
    "mA": _scale("current", "0.001"),
    "m/s": _scale("speed", "1"),
    "mm/s": _scale("speed", "0.001"),
    "km/h": _scale("speed", "0.2777777777777777777777777778"),
}
_SPELLINGS: Final = {
    "°C": "C Cel degC deg_C celsius centigrade ºC ℃ ˚C °c",
    "°F": "F degF deg_F fahrenheit ºF ℉ ˚F °f",
    "K": "kelvin degK",
    "%": "percent pct per_cent",
    "%RH": "%rh rh RH",
    "Pa": "pascal pa",
    "hPa": "hpa HPA",
    "kPa": "kpa KPa",
    "bar": "BAR Bar",
    "psi": "PSI",
    "m": "meter metre meters metres",
    "mm": "millimeter millimetre millimeters millimetres",
    "cm": "centimeter centimetre",
    "µm": "um μm micron microns",
    "g": "gram grams",
    "kg": "kilogram kilograms KG Kg",
    "s": "sec secs second seconds",
    "ms": "msec millisecond milliseconds",
    "min": "minute minutes mins",
    "h": "hr hour hours hrs",
    "W": "watt watts",
    "kW": "kilowatt KW",
    "kWh": "kwh KWh KWH",
    "V": "volt volts",
    "A": "amp amps ampere amperes",
    "Hz": "hertz hz HZ",
    "rpm": "RPM r/min 1/min rev/min",
    "lx": "lux lm/m2",
    "ppm": "PPM",
    "m/s": "mps m_per_s",
    "km/h": "kmh kph km/hr",
    "m³": "m3 m^3 cubic_meter",
    "m²": "m2 m^2",
    "m/s²": "m/s2 m/s^2",
    "Ω": "ohm ohms Ohm",
    "°": "deg degree degrees",
}
_ALIASES: Final = {
    alias: symbol for symbol, aliases in _SPELLINGS.items() for alias in aliases.split()
}


def normalised(unit: str) -> str:
    """The house's symbol of a unit; an unknown one stays as it is, without outer spaces."""
    unit = unit.strip()
    return _ALIASES.get(unit) or _ALIASES.get(unit.lower(), unit)


def conversion(source: str, target: str) -> tuple[Decimal, Decimal] | None:
    """Factor and offset that turn values of one unit into another; None when nothing does.

    A reading without a unit is taken to be in the unit of its series.
    """
    if source in (target, ""):
        return Decimal(1), Decimal(0)
    have, want = _SCALES.get(source), _SCALES.get(target)
    if have is None or want is None or have.dimension != want.dimension:
        return None
    return have.factor / want.factor, (have.offset - want.offset) / want.factor
