"""What tools return to LangGraph, as text: commands and messages, written by LangGraph's own serializer."""

from base64 import b64decode, b64encode
from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer


class GraphValueTexts:
    """Writes and reads commands and messages; in LangGraph's strict mode nothing but its own classes is ever built."""

    def __init__(self) -> None:
        self._serializer = JsonPlusSerializer(allowed_msgpack_modules=None)

    def dump(self, value: Any) -> str:
        """The value as text."""
        kind, packed = self._serializer.dumps_typed(value)
        return f"{kind}:{b64encode(packed).decode()}"

    def load(self, text: str) -> Any:
        """The value again."""
        kind, _, packed = text.partition(":")
        return self._serializer.loads_typed((kind, b64decode(packed)))
