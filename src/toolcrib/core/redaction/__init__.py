"""What must not be shown: which parts of a value are sensitive, and taking them, and secrets, out of what is told."""

from toolcrib.core.redaction.errors import without
from toolcrib.core.redaction.masks import (
    OTHERS,
    Mask,
    Masks,
    fields_of,
    hides,
    is_covered,
    make_mask,
    plain,
    shown_again,
    unknown_field,
    within,
)
from toolcrib.core.redaction.secrets import SecretFilter, Secrets
from toolcrib.core.redaction.showing import redact, redact_result, texts_of
from toolcrib.core.redaction.texts import REDACTED, Scrub, hiding, scrub_value

__all__ = [
    "OTHERS",
    "REDACTED",
    "Mask",
    "Masks",
    "Scrub",
    "SecretFilter",
    "Secrets",
    "fields_of",
    "hides",
    "hiding",
    "is_covered",
    "make_mask",
    "plain",
    "redact",
    "redact_result",
    "scrub_value",
    "shown_again",
    "texts_of",
    "unknown_field",
    "within",
    "without",
]
