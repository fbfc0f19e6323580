"""What the options of a canary say, as the body of a request."""

import re
from dataclasses import dataclass

from toolcrib.cli.exit_codes import UsageProblem
from toolcrib.cli.output import Json

UNITS_S = (("", 1), ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400))
LONGEST_S = 2_592_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The options of a canary, as they were written."""

    canary: float | None
    tenants: str
    bake: str
    min_samples: int | None


def plan(part: Part, *, inactive: bool, why: str) -> Json:
    """The body of a deployment: only what was asked for.

    Raises:
        UsageProblem: the options do not go together.
    """
    tenants = names(part.tenants)
    is_canary = part.canary is not None or bool(tenants)
    if not is_canary and (part.bake or part.min_samples):
        raise UsageProblem("Only a canary is judged.", hint="Add --canary 10.")
    if inactive and is_canary:
        raise UsageProblem("A canary serves.", hint="Leave out --inactive, or --canary and --tenants.")
    if part.canary == 0 and not tenants:
        raise UsageProblem("Nobody would see this canary.", hint="Give --canary a number above 0, or add --tenants.")
    serves = {"canary": part.canary, "tenants": tenants or None, "activate": False if inactive else None}
    return given({**serves, **judged(part.bake, part.min_samples), "why": why or None})


def judged(bake: str, min_samples: int | None) -> Json:
    """How a canary is judged, as far as it was said."""
    return given({"bake_s": seconds(bake) if bake else None, "min_samples": min_samples})


def given(asked: Json) -> Json:
    """What is not None."""
    return {name: value for name, value in asked.items() if value is not None}


def names(text: str) -> list[str]:
    """`acme,beta` as a list."""
    return [name.strip() for name in text.split(",") if name.strip()]


def seconds(text: str) -> float:
    """`90`, `90s`, `10m`, `2h`, `1d` in seconds.

    Raises:
        UsageProblem: it is none of these, or longer than 30 days.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    length = float(found[1]) * dict(UNITS_S)[found[2]] if found else -1.0
    if not 0 <= length <= LONGEST_S:
        raise UsageProblem(f"{text!r} is no length of time.", hint="Write e.g. 90s, 10m or 2h; 30 days at most.")
    return length
