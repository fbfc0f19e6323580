"""How sure it is that one share is larger than another, with few samples too.

Wilson's score interval for one share (E. B. Wilson, Probable inference, JASA 22, 1927), and Newcombe's for the
difference of two, which is made of two of them (method 10 of R. G. Newcombe, Interval estimation for the difference
between independent proportions, Statistics in Medicine 17, 1998, pages 873-890). Unlike the interval of the normal
approximation they hold with 20 samples, and when none or all of them fail.
"""

import math

SURE = 3.3
"""So many standard errors make sure: 1 in 2,000 at a single look. A trial is looked at again and again, so the 1 in 20
of the textbooks would end many by chance; tests/properties/test_guardrails.py counts how many this does."""


def wilson(part: int, whole: int) -> tuple[float, float]:
    """From where to where the true share surely lies, when `part` of `whole` samples are counted."""
    if not whole:
        return 0.0, 1.0
    share, weight = part / whole, SURE * SURE / whole
    middle = (share + weight / 2) / (1 + weight)
    reach = SURE * math.sqrt(share * (1 - share) / whole + weight / (4 * whole)) / (1 + weight)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def surely_more(part: int, whole: int, *, than: int, of: int) -> float:
    """By how much the share `part / whole` is surely larger than the share `than / of`; below 0 when it is not sure."""
    if not whole or not of:
        return -1.0
    share, other = part / whole, than / of
    low, high = wilson(part, whole)[0], wilson(than, of)[1]
    return share - other - math.hypot(share - low, high - other)
