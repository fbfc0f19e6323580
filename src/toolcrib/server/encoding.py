"""JSON as the server writes it: quick, and whatever it is given, an answer."""

import json
from typing import Any

import orjson


def encode(document: Any) -> bytes:
    """`document` as JSON text in UTF-8; what JSON does not know becomes its `str`.

    The quick encoder refuses integers of more than 64 bits and lone surrogates; then the slow one writes them.
    """
    try:
        return orjson.dumps(document, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return json.dumps(document, default=str, separators=(",", ":")).encode("ascii")
