"""Measures with their units, and the names of units a conversion goes from and to."""

import re
from dataclasses import dataclass
from types import MappingProxyType

from toolcrib.agents.offline.extract.found import Found
from toolcrib.agents.offline.extract.numbers import find_numbers, tidy


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit: its short sign, its long name, what it measures, and base units = value * factor + offset."""

    sign: str
    name: str
    dimension: str
    factor: float
    offset: float = 0.0
    words: tuple[str, ...] = ()


def _unit(row: str, dimension: str, factor: float, offset: float = 0.0) -> Unit:
    sign, name, *words = row.split(",")
    return Unit(sign=sign, name=name, dimension=dimension, factor=factor, offset=offset, words=tuple(words))


UNITS = tuple(
    (
        _unit("kg,kilogram,kilograms,kilo,kilos,kgs,kilogramme,公斤,千克", "weight", 1.0),
        _unit("g,gram,grams,克", "weight", 0.001),
        _unit("mg,milligram,milligrams,毫克", "weight", 0.000001),
        _unit("lb,pound,pounds,lbs,磅", "weight", 0.45359237),
        _unit("oz,ounce,ounces,盎司", "weight", 0.028349523125),
        _unit("t,tonne,tonnes,ton,tons,吨", "weight", 1000.0),
        _unit("st,stone,stones", "weight", 6.35029318),
        _unit("jin,jin,斤", "weight", 0.5),
        _unit("m,meter,meters,metre,metres,米", "length", 1.0),
        _unit("km,kilometer,kilometers,kilometre,kilometres,kms,公里,千米", "length", 1000.0),
        _unit("cm,centimeter,centimeters,centimetre,centimetres,厘米,公分", "length", 0.01),
        _unit("mm,millimeter,millimeters,millimetre,毫米", "length", 0.001),
        _unit("mi,mile,miles,英里", "length", 1609.344),
        _unit("yd,yard,yards,码", "length", 0.9144),
        _unit("ft,foot,feet,英尺", "length", 0.3048),
        _unit("in,inch,inches,英寸", "length", 0.0254),
        _unit("C,celsius,°C,℃,centigrade,degrees celsius,degree celsius,摄氏度,摄氏", "temperature", 1.0),
        _unit("F,fahrenheit,°F,℉,degrees fahrenheit,degree fahrenheit,华氏度,华氏", "temperature", 5 / 9, -160 / 9),
        _unit("K,kelvin,kelvins,开尔文", "temperature", 1.0, -273.15),
        _unit("l,liter,liters,litre,litres,L,升,公升", "volume", 1.0),
        _unit("ml,milliliter,milliliters,millilitre,mL,毫升", "volume", 0.001),
        _unit("gal,gallon,gallons,加仑", "volume", 3.785411784),
        _unit("cup,cup,cups,杯", "volume", 0.2365882365),
        _unit("tbsp,tablespoon,tablespoons,汤匙", "volume", 0.01478676478125),
        _unit("tsp,teaspoon,teaspoons,茶匙", "volume", 0.00492892159375),
        _unit("km/h,kilometers per hour,kph,kmh,kilometres per hour,公里每小时", "speed", 1.0),
        _unit("mph,miles per hour,英里每小时", "speed", 1.609344),
        _unit("m/s,meters per second,metres per second,米每秒", "speed", 3.6),
        _unit("MB,megabyte,megabytes", "data", 1.0),
        _unit("GB,gigabyte,gigabytes", "data", 1000.0),
        _unit("KB,kilobyte,kilobytes", "data", 0.001),
        _unit("TB,terabyte,terabytes", "data", 1000000.0),
        _unit("ha,hectare,hectares,公顷", "area", 10000.0),
        _unit("acre,acre,acres,英亩", "area", 4046.8564224),
        _unit("m2,square meters,square metres,sqm,m²,平方米", "area", 1.0),
        _unit("s,second,seconds,sec,秒", "time", 1.0),
        _unit("min,minute,minutes,mins,分钟", "time", 60.0),
        _unit("h,hour,hours,hrs,hr,小时", "time", 3600.0),
        _unit("day,day,days,天", "time", 86400.0),
        _unit("week,week,weeks,周", "time", 604800.0),
    )
)
_BY_WORD = MappingProxyType({word: unit for unit in UNITS for word in (unit.sign, unit.name, *unit.words)})
_FOLDED = MappingProxyType({word.lower(): unit for word, unit in _BY_WORD.items()})
# Short signs that are English words or letters: units only behind a number.
_SHORT = frozenset(
    {"g", "t", "m", "in", "c", "f", "k", "l", "s", "h", "st", "mi", "min", "ha", "ft", "second", "stone", "day", "cup"}
)
_ALL = re.compile(
    r"(?<![A-Za-z])(?:"
    + "|".join(re.escape(word) for word in sorted(_BY_WORD, key=len, reverse=True))
    + r")(?![A-Za-z0-9²])",
    re.IGNORECASE,
)
_DEGREES = re.compile(r"\s*(?:°|degrees?|度)\s*", re.IGNORECASE)


def unit_named(word: str) -> Unit | None:
    """The unit of a sign, name or plural."""
    return _BY_WORD.get(word) or _FOLDED.get(word.lower())


def find_measures(text: str) -> tuple[Found, ...]:
    """Every number with a unit behind it, as (number, `Unit`)."""
    finds = []
    for number in find_numbers(text):
        at = number.end + len(text[number.end :]) - len(text[number.end :].lstrip(" -"))
        match = _ALL.match(text, at)
        if match is None and (degrees := _DEGREES.match(text, at)):
            match = _ALL.match(text, degrees.end())
        unit = unit_named(match[0]) if match and not number.percent else None
        if (
            match is not None
            and unit is not None
            and not (match[0].lower() in ("in", "st") and _goes_on(text, match.end()))
        ):
            finds.append(Found(value=(number.value, unit), start=number.start, end=match.end()))
    return tuple(finds)


def _goes_on(text: str, at: int) -> bool:
    """Behind "12 in" stands a word: then it is the preposition."""
    return re.match(r"\s+[A-Za-z\u4e00-\u9fff]", text[at:]) is not None and not re.match(
        r"\s+(?:to|in|into|is)\b", text[at:]
    )


def find_units(text: str) -> tuple[Found, ...]:
    """Every unit named, in order of place; one behind a number has strength 1."""
    finds = []
    measured = {one.end for one in find_measures(text)}
    for match in _ALL.finditer(text):
        unit = unit_named(match[0])
        behind = match.end() in measured
        aimed = re.search(r"(?:\b(?:to|into|in|from)|成|为|many)\s+$", text[: match.start()]) is not None
        if unit is None or (match[0].lower() in _SHORT and not behind and not aimed):
            continue
        if match[0] == "in" and not behind:
            continue
        finds.append(Found(value=unit, start=match.start(), end=match.end(), strength=1.0 if behind else 0.9))
    return tuple(finds)


def convert(value: float, unit: Unit, wanted: Unit) -> float | None:
    """A measure in another unit of its dimension."""
    if unit.dimension != wanted.dimension:
        return None
    base = value * unit.factor + unit.offset
    return tidy(round((base - wanted.offset) / wanted.factor, 4))
