"""Pieces of the final answer, out of the pieces of a model's text: thoughts and actions are not for the user."""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk

from toolcrib.agents.messages import message_chunk, told
from toolcrib.agents.react.labels import THINK, Scan

ANSWER_ID = "answer-"
"""Begins the id of a final answer; behind it stands the id of the model's message that it is a part of."""
_SURE = 4
"""So many characters behind a label's colon, and no mark of it comes any more."""
_LONGEST_LABEL = 60


class AnswerPieces:
    """What is told of the chunks of one turn; all that is told of one answer together is the answer."""

    def __init__(self) -> None:
        self._answers: dict[str, _Answer] = {}

    def told(self, mode: str, chunk: Any) -> tuple[str, Mapping[str, Any]] | None:
        """An event and its data, as `messages.told` gives them."""
        if mode != "messages":
            return told(mode, chunk)
        data = self.see(chunk)
        return ("message", data) if data else None

    def see(self, chunk: Any) -> Mapping[str, Any] | None:
        """The piece of the final answer in a chunk of LangGraph's stream, as `message_chunk` gives it; None without."""
        message, metadata = chunk
        data = message_chunk(chunk)
        if data is None or metadata.get("langgraph_node") != "agent":
            return data
        key = str(message.id).removeprefix(ANSWER_ID)
        if isinstance(message, AIMessageChunk):
            text = self._answers.setdefault(key, _Answer()).add(data["text"])
        elif isinstance(message, AIMessage) and key != message.id:  # the answer itself
            text = self._answers.setdefault(key, _Answer()).rest(data["text"])
        else:
            text = ""
        return {**data, "text": text} if text else None


class _Answer:
    """One text of a model, as it comes in."""

    def __init__(self) -> None:
        self._scan = Scan()
        self._line = ""
        """What came since the last line break, and was not told yet."""
        self._thinks = self._told_line = self._over = False
        self._space = ""
        self._sent = ""

    def add(self, piece: str) -> str:
        """The part of the final answer that is certain now."""
        *lines, self._line = (self._line + piece).split("\n")
        told = "".join(self._whole(line) for line in lines)
        return self._send(told + self._begun())

    def rest(self, answer: str) -> str:
        """What was not told of the answer yet."""
        return answer[len(self._sent) :] if answer.startswith(self._sent) else ""

    def _whole(self, line: str) -> str:
        """What a line tells that has come to its end."""
        if self._told_line:
            self._told_line = False
            return f"{line}\n"
        for tag in THINK.finditer(line):
            self._thinks = not tag[1]
            self._scan = Scan()
        if self._thinks or self._over:
            return ""
        found = self._scan.see(THINK.split(line)[-1])
        self._over = self._is_over(found is not None)
        return f"{line if found is None else found.text}\n" if self._scan.kind == "final" and not self._over else ""

    def _begun(self) -> str:
        """What a line tells that goes on, when it is certain whether it begins with a label."""
        line = self._line
        if not self._told_line:
            if self._thinks or self._over:
                return ""
            peek = self._scan.copy()
            found = peek.see(line)
            if found is not None and (peek.kind != "final" or len(found.text) < _SURE):
                return ""
            if found is None and (self._scan.kind != "final" or len(line) < _LONGEST_LABEL):
                return ""
            self._over = self._is_over(found is not None, peek)
            self._scan, self._told_line = peek, True
            line = line if found is None else found.text
        self._line = ""
        return "" if self._over else line

    def _is_over(self, found: bool, scan: Scan | None = None) -> bool:
        """An action decides, and so does the end of the final answer."""
        kind = (scan or self._scan).kind
        return self._over or kind == "action" or (found and bool(self._sent) and kind != "final")

    def _send(self, text: str) -> str:
        """The text without white space at the end, which may be that of the answer."""
        text = self._space + text
        if not self._sent:
            text = text.lstrip()
        told = text.rstrip()
        self._space = text[len(told) :]
        self._sent += told
        return told
