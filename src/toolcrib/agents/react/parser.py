"""The parser: from what a model wrote to what is done.

Rules, in this order:
- What stands in `<think>` is not looked at.
- The first action or final answer decides. An observation or a final answer behind an action is made up, and is cut
  off; so is what follows a final answer under a label of its own.
- Actions one after the other, without an observation between them, are all taken; the same one twice is taken once.
- One action that cannot be read for certain: none is taken.
- Text without any label is no answer yet; who parses decides what becomes of a second one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from toolcrib.agents.react import corrections as say
from toolcrib.agents.react.calls import MAX_ACTIONS, TOO_MANY, Draft, calls_in
from toolcrib.agents.react.inputs import arguments, bare, exact, none_given, pairs, unfenced
from toolcrib.agents.react.labels import THINK, Section, sections
from toolcrib.agents.react.naming import is_final, is_none, meant, stripped
from toolcrib.agents.react.notation import CUT_OFF
from toolcrib.agents.react.steps import Action, Actions, Final, Malformed, Schemas, Step, Unclear
from toolcrib.agents.state.saving import NO_TEXT, is_text

_END_MARKS = ("</s>", "<|im_end|>", "<|eot_id|>", "<|end|>", "<|endoftext|>", "<end_of_turn>", "<eos>")
_MOST_END_MARKS = 4
_NAME_AND_JSON = re.compile(r"([^\s()\[\]{}:,]{1,80}+)\s*+(?:[:,]\s*+)?(\{.*)", re.DOTALL)
_CALL = re.compile(r"([^\s()\[\]{}]{1,80})[ \t]*(?:\((.*)\)|\[(.*)\])[\s.;]*", re.DOTALL)


def parse(text: str, tools: Schemas, *, cut_short: bool = False) -> Step:
    """What the model's text comes to; never raises.

    Args:
        text: the model's answer.
        tools: the tools that may be called, with the schemas of their arguments.
        cut_short: the model was stopped before it was done, so that the end of its text may be missing.
    """
    try:
        return _parse(_said(text), tools, cut_short=cut_short)
    except Unclear as problem:
        return Malformed(observation=say.correction(str(problem), tools))


def _parse(text: str, tools: Schemas, *, cut_short: bool) -> Step:
    if not bare(text):
        raise Unclear(say.NOTHING_SAID)
    parts = list(sections(text))
    if all(part.kind == "prose" for part in parts):
        return _unlabelled(text, tools, cut_short=cut_short)
    thought = _thought(parts)
    if drafts := _calls_before(parts, cut_short=cut_short):
        return _called(drafts, tools, cut_short=cut_short)
    decisive = next((part for part in parts if _decides(part)), None)
    if decisive is None:
        raise Unclear(say.NO_ACTION if any(part.kind == "input" for part in parts) else say.ONLY_THOUGHT)
    if decisive.kind == "final":
        return _final(decisive.text, thought)
    drafts, answer = _drafts(parts, cut_short=cut_short)
    if answer is not None:
        return _final(_text_of(answer), thought)
    return _actions(drafts, thought, tools, cut_short=cut_short)


def _said(text: str) -> str:
    """The text without what the model thought to itself, and without marks of its end."""
    if not is_text(text):
        raise Unclear(NO_TEXT)
    tags = list(THINK.finditer(text))
    if tags:
        text = text[tags[-1].end() :] if tags[-1][1] else ""
    text = text.rstrip()
    for _ in range(_MOST_END_MARKS):
        text = next((text.removesuffix(mark).rstrip() for mark in _END_MARKS if text.endswith(mark)), text)
    return text


def _decides(part: Section) -> bool:
    return part.kind == "final" or (part.kind == "action" and not _is_no_action(part))


def _is_no_action(part: Section) -> bool:
    return part.kind == "action" and bool(part.text.strip()) and is_none(part.text)


def _thought(parts: Sequence[Section]) -> str:
    """What stands before the first action or answer."""
    thoughts = []
    for part in parts:
        if _decides(part):
            break
        if part.kind in ("thought", "prose"):
            thoughts.append(bare(part.text).removeprefix("```").strip())
    return "\n".join(one for one in thoughts if one)


def _calls_before(parts: Sequence[Section], *, cut_short: bool) -> list[Draft]:
    """Calls as JSON that a thought, or text without a label, ends with: before anything under a label decides."""
    for part in parts:
        if _decides(part) or part.kind in ("input", "observation"):
            return []
        if part.kind in ("thought", "prose") and (drafts := calls_in(part.text, cut_short=cut_short)):
            return drafts
    return []


def _unlabelled(text: str, tools: Schemas, *, cut_short: bool) -> Step:
    """Calls as JSON and nothing behind them, or plain text."""
    if drafts := calls_in(text, cut_short=cut_short):
        return _called(drafts, tools, cut_short=cut_short)
    return Malformed(observation=say.correction(say.NO_LABEL, tools), plain=True)


def _called(drafts: Sequence[Draft], tools: Schemas, *, cut_short: bool) -> Step:
    if is_final(drafts[0].written):
        return _final(_text_of(drafts[0]), "")
    return _actions([one for one in drafts if not is_final(one.written)], "", tools, cut_short=cut_short)


def _text_of(answer: Draft) -> str:
    """The final answer that was written as an action."""
    if answer.is_json:
        value = answer.exact
        return value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()
    return answer.given or ""


def _final(text: str, thought: str) -> Step:
    answer = bare(text)
    if answer.count("```") % 2 and answer.endswith("```"):  # of a block of code around everything
        answer = bare(answer.removesuffix("```"))
    if not answer:
        raise Unclear(say.NO_FINAL)
    return Final(text=answer, thought=thought)


def _actions(drafts: Sequence[Draft], thought: str, tools: Schemas, *, cut_short: bool) -> Actions:
    actions: dict[bytes, Action] = {}
    for at, draft in enumerate(drafts, 1):
        if at > MAX_ACTIONS:
            raise Unclear(TOO_MANY)
        action = _action(draft, tools, cut_short=cut_short and at == len(drafts))
        actions.setdefault(orjson.dumps([action.tool, action.args], option=orjson.OPT_SORT_KEYS), action)
    return Actions(actions=tuple(actions.values()), thought=thought)


def _action(draft: Draft, tools: Schemas, *, cut_short: bool) -> Action:
    if not stripped(draft.written):
        raise Unclear(say.NO_NAME)
    name, beside = _name(draft.written, tools)
    if name is None:
        raise Unclear(say.unknown_tool(stripped(bare(draft.written).splitlines()[0]), tools))
    try:
        return Action(tool=name, args=_args(draft, beside, tools[name], cut_short=cut_short))
    except Unclear as problem:
        raise Unclear(say.bad_input(name, str(problem))) from problem


def _args(draft: Draft, beside: str | None, schema: Mapping[str, Any], *, cut_short: bool) -> dict[str, Any]:
    """The arguments, from the input or from what stands `beside` the name."""
    prose = beside is not None and len(bare(draft.written).splitlines()) > 1 and not beside.startswith(("{", "["))
    if draft.given is not None:
        if draft.is_json or not (prose or _says_nothing(beside, schema)):
            raise Unclear(say.TWO_INPUTS)
        return arguments(draft.given, schema, cut_short=cut_short)
    if draft.is_json:
        return exact(draft.exact, schema)
    if prose:
        raise Unclear("behind the name there is text without `Action Input:`")
    if beside is not None:
        return pairs(beside, schema, cut_short=cut_short)
    if cut_short:
        raise Unclear(CUT_OFF)
    return none_given(schema)


def _says_nothing(beside: str | None, schema: Mapping[str, Any]) -> bool:
    """Whether it gives no values, but perhaps names of arguments: `search(query)`."""
    return all(name.strip() in ("", *(schema.get("properties") or {})) for name in (beside or "").split(","))


def _name(written: str, tools: Schemas) -> tuple[str | None, str | None]:
    """The tool, and what stands beside its name: JSON, or text in brackets; no tool when there is none of this name."""
    text = bare(written)
    first = text.splitlines()[0]
    if name := meant(first, tools):
        return name, _below(text[len(first) :])
    text = text.strip("`*")
    for form in (_NAME_AND_JSON, _CALL):
        found = form.fullmatch(text)
        if found and (name := meant(found[1], tools)):
            return name, next(group for group in found.groups()[1:] if group is not None)
    return None, None


def _below(text: str) -> str | None:
    """What stands in the lines below a name, if it says anything."""
    given = unfenced(text)
    return given if any(char.isalnum() or char in "{[" for char in given) else None


def _drafts(parts: Sequence[Section], *, cut_short: bool) -> tuple[list[Draft], Draft | None]:
    """The actions up to what the model made up, or the final answer that was written as an action."""
    drafts: list[Draft] = []
    for part in _up_to_invented(parts):
        if part.kind == "action":
            drafts.extend(calls_in(part.text, cut_short=cut_short) or [Draft(written=part.text)])
        elif part.kind == "input":
            if drafts[-1].has_input:
                raise Unclear(say.TWO_INPUTS)
            drafts[-1] = replace(drafts[-1], given=part.text)
    finals = [at for at, draft in enumerate(drafts) if is_final(draft.written)]
    if not finals:
        return drafts, None
    return ([], drafts[0]) if finals[0] == 0 else (drafts[: finals[0]], None)


def _up_to_invented(parts: Sequence[Section]) -> Iterator[Section]:
    """From the first action on, up to an observation, a final answer or a new question."""
    begun = False
    for part in parts:
        if begun and (part.kind in ("observation", "final", "question") or _is_no_action(part)):
            return
        begun = begun or _decides(part)
        if begun:
            yield part
