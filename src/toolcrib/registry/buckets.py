"""`bucket`: chance without chance, the same for the same words; what canaries and experiments choose by."""

from hashlib import sha256

BUCKETS = 10_000


def bucket(salt: str, tenant: str, key: str) -> int:
    """A number from 0 to 9,999, the same for the same words in every process, evenly spread over keys."""
    words = "\x1f".join((salt, tenant, key)).encode(errors="backslashreplace")
    return int.from_bytes(sha256(words).digest()[:8], "big") % BUCKETS
