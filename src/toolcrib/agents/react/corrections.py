"""What the model is told when its answer cannot be read: what was wrong, and what to write instead."""

from collections.abc import Iterable

from toolcrib.core.names import did_you_mean

FORMAT = """\
Thought: what to do next, in one sentence
Action: the name of one tool
Action Input: its arguments as one JSON object"""
ANSWER = """\
Thought: why nothing more is to be done
Final Answer: the answer for the user"""
_MOST_CHARS = 1_500


def correction(problem: str, tools: Iterable[str]) -> str:
    """The observation for an answer of which nothing was carried out."""
    names = ", ".join(sorted(tools))
    ways = f"Write either\n{FORMAT}\nor\n{ANSWER}\nTools: {names}." if names else f"Write\n{ANSWER}"
    stop = "" if problem.endswith("?") else "."
    return f"Your answer was not understood, and nothing was done: {problem[:_MOST_CHARS]}{stop}\n{ways}"


def unknown_tool(name: str, tools: Iterable[str]) -> str:
    """The problem of an action that names no tool."""
    shown = " ".join(name.split())[:80]
    return f"there is no tool named {shown!r}. {did_you_mean(shown, tools)}".rstrip(".")


def bad_input(tool: str, problem: str) -> str:
    """The problem of an input that cannot be read."""
    return f"the input of {tool!r} cannot be read: {problem}"


NOTHING_SAID = "it is empty"
NO_LABEL = "it has neither an action nor a final answer"
NO_NAME = "`Action:` is followed by no name"
NO_ACTION = "`Action Input:` has no `Action:` before it"
ONLY_THOUGHT = "after the thought comes neither an action nor a final answer"
TWO_INPUTS = "an action has two inputs"
NO_FINAL = "`Final Answer:` is followed by no text"
