"""Journal entries: under which key a call stands in the journal, and what tells it from another one with that key."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from pydantic_core import to_json

from toolcrib.core.ports import JournalEntry
from toolcrib.core.redaction import Mask, hides, texts_of


def journal_key(tool: str, *, tenant: str, idempotency_key: str) -> str:
    """Each tool and each tenant has keys of its own."""
    return _digest([tenant, tool, idempotency_key])


def journal_entry(
    tool: str, args: Mapping[str, Any], *, tenant: str, idempotency_key: str, release: str, now: float, mask: Mask
) -> JournalEntry:
    """The entry of a call that begins now, with these validated arguments; `mask` is what of them is sensitive."""
    # Secret types do not tell their values to JSON, and two calls that differ in them are not the same.
    told = [dict(args), [*texts_of(args, mask)]] if hides(mask) else dict(args)
    return JournalEntry(
        key=journal_key(tool, tenant=tenant, idempotency_key=idempotency_key),
        tool=tool,
        tenant=tenant,
        args_digest=_digest(told),
        release=release,
        began_at=now,
    )


def _digest(value: Any) -> str:
    return blake2b(to_json(value, fallback=repr, inf_nan_mode="strings"), digest_size=32).hexdigest()
