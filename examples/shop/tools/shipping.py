"""What a parcel costs. Slow on purpose: it waits for a carrier, as such tools do."""

import asyncio
import difflib
from typing import Any

from toolcrib import ToolContext, ToolError, tool

CARRIER = "Baltic Parcel"
EUR_PER_KG = 2.40
CARRIER_ANSWERS_AFTER_S = 1.5

# Destination -> (base price in EUR, days on the way).
ZONES = {
    "Berlin": (4.90, 2),
    "Hamburg": (3.90, 1),
    "Paris": (9.90, 3),
    "Madrid": (11.90, 4),
    "London": (12.90, 4),
    "Oslo": (13.90, 4),
    "New York": (24.90, 7),
    "Shanghai": (29.90, 8),
    "Tokyo": (31.90, 8),
}
CHINESE = {"柏林": "Berlin", "汉堡": "Hamburg", "巴黎": "Paris", "伦敦": "London", "上海": "Shanghai", "东京": "Tokyo"}


@tool(
    side_effect="read",
    examples=(
        "What does shipping 3 kg to Oslo cost?",
        "How much is it to send a 2.5 kg parcel to Paris?",
        "寄 3 公斤到上海要多少运费？",
    ),
)
async def shipping_quote(destination: str, weight_kg: float, context: ToolContext) -> dict[str, Any]:
    """Ask the carrier what a parcel costs and how long it takes; the carrier needs about a second and a half to answer.

    Args:
        destination: The city the parcel goes to, for example Oslo.
        weight_kg: Its weight in kilograms, at most 30.
    """
    city = _city(destination)
    if not 0 < weight_kg <= 30:
        raise ToolError(f"A parcel of {weight_kg:g} kg cannot be sent.", hint="It may weigh up to 30 kg; split it.")
    if context.timeout_s is not None and context.timeout_s < CARRIER_ANSWERS_AFTER_S:
        raise ToolError("There is not enough time left to ask the carrier.", hint="Offer to ask again in a new turn.")
    await asyncio.sleep(CARRIER_ANSWERS_AFTER_S)  # a real shop calls the carrier's API here
    base, days = ZONES[city]
    return {
        "destination": city,
        "weight_kg": weight_kg,
        "price_eur": round(base + EUR_PER_KG * weight_kg, 2),
        "carrier": CARRIER,
        "days": days,
    }


def _city(destination: str) -> str:
    """The destination as the carrier spells it."""
    wanted = destination.strip()
    city = CHINESE.get(wanted, wanted.title())
    if city in ZONES:
        return city
    close = difflib.get_close_matches(city, ZONES, n=3)
    raise ToolError(
        f"The carrier does not go to {wanted!r}.",
        hint=f"Did the customer mean {' or '.join(close)}?" if close else f"It goes to {', '.join(ZONES)}.",
    )
