"""Amounts: US dollars as `Decimal`, exact to a millionth of a millionth, and tokens."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

PLACES = Decimal("1E-12")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What a call of a model costs, or may cost."""

    usd: Decimal = Decimal(0)
    tokens: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(usd=self.usd + other.usd, tokens=self.tokens + other.tokens)


NOTHING = Amount()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one answer of a model, as its provider counts them.

    Attributes:
        input_tokens: all of the prompt; those read from and written to the provider's cache are among them.
        output_tokens: all of the answer; those of its reasoning are among them.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total(self) -> int:
        """Prompt and answer."""
        return self.input_tokens + self.output_tokens


def exact(usd: Decimal) -> Decimal:
    """Rounded up to twelve places: what accounts and records hold, so that their sums are equal to the last digit."""
    return usd.quantize(PLACES, rounding=ROUND_CEILING)


def picos(usd: Decimal) -> int:
    """The amount in millionths of a millionth of a dollar; databases add whole numbers exactly."""
    return int(exact(usd).scaleb(12))


def from_picos(number: int) -> Decimal:
    """The inverse of `picos`."""
    return Decimal(number).scaleb(-12)


def plain(usd: Decimal) -> str:
    """`0.0003825`: no exponent, no zeros at the end; reading it gives the same amount."""
    text = f"{usd:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
