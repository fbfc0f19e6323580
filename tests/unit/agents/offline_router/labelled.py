"""Labelled questions: reads them, plays each through a router, and says what was right."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from toolcrib.agents.offline_router import Decision, OfferedTool, PlannedCall, Router, Turn
from toolcrib.agents.offline_router.scoring import Scorer

DATA = Path(__file__).parent / "data"
_SETTING = json.loads((DATA / "labelled_tools.json").read_text(encoding="utf-8"))
TODAY = date.fromisoformat(_SETTING["today"])
REGISTRIES: dict[str, tuple[OfferedTool, ...]] = {
    name: tuple(OfferedTool(**tool) for tool in tools) for name, tools in _SETTING["registries"].items()
}
_ARITHMETIC = re.compile(r"[\d\s.+*/()-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the right tools were chosen, whether every argument was right, and what was decided."""

    row: Mapping[str, Any]
    tools: bool
    complete: bool
    calls: tuple[PlannedCall, ...]
    text: str


def rows_of(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return rows


def shared_rows() -> Iterator[tuple[dict[str, Any], tuple[OfferedTool, ...]]]:
    """The shared file's questions, in the form of ours."""
    shared = json.loads((DATA / "offline-prompts.json").read_text(encoding="utf-8"))
    tools = tuple(OfferedTool(**tool) for tool in shared["tools"])
    for prompt in [*shared["prompts"], *shared["no_tool_prompts"]]:
        args = {name: "|".join(one) if isinstance(one, list) else one for name, one in prompt.get("args", {}).items()}
        if "value" in prompt:
            args["expression"] = f"={prompt['value']}"
        calls = [{"name": prompt["tool"], "args": args}] if prompt["tool"] else []
        yield {"text": prompt["text"], "calls": calls}, tools


def router_with(scorer: Scorer) -> Router:
    return Router(scorer=scorer, today=lambda: TODAY)


def play(router: Router, row: Mapping[str, Any], tools: Sequence[OfferedTool]) -> tuple[list[PlannedCall], str]:
    """Every call made until the answer, and the answer."""
    results = {name: list(texts) for name, texts in row.get("results", {}).items()}
    turns = [Turn(role="user", text=row["text"])]
    calls: list[PlannedCall] = []
    for _ in range(10):
        decision: Decision = router.decide(turns, tools)
        if not decision.calls:
            return calls, decision.text
        calls.extend(decision.calls)
        turns.append(Turn(role="assistant", text="", calls=decision.calls))
        for call in decision.calls:
            waiting = results.get(call.name, [])
            turns.append(Turn(role="tool", text=waiting.pop(0) if waiting else '"ok"', tool=call.name))
    raise AssertionError(f"no answer after ten rounds: {row['text']}")


def judge(router: Router, row: Mapping[str, Any], tools: Sequence[OfferedTool]) -> Verdict:
    calls, text = play(router, row, tools)
    asks = row.get("asks")
    if asks:
        right = not calls and f"`{asks['tool']}`" in text and ("I need" in text or "还需要" in text)
        full = right and all(name in text for name in asks["missing"])
    else:
        wanted = row["calls"]
        asked = "I need: " in text or "还需要：" in text
        right = not asked and sorted(one.name for one in calls) == sorted(one["name"] for one in wanted)
        full = right and all(
            any(_same(one, call, row.get("loose", ())) for call in calls if call.name == one["name"]) for one in wanted
        )
    return Verdict(row=row, tools=right, complete=full, calls=tuple(calls), text=text)


def _same(wanted: Mapping[str, Any], call: PlannedCall, loose: Sequence[str]) -> bool:
    names = {*wanted["args"], *call.args} - set(loose)
    return all(_fits(wanted["args"].get(name), call.args.get(name)) for name in names)


def _fits(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, str) and wanted.startswith("="):
        return _worth(str(value)) == float(wanted[1:])
    if isinstance(wanted, str):
        return str(value) in wanted.split("|")
    return bool(value == wanted)


def _worth(expression: str) -> float | None:
    plain = expression.replace("^", "**")
    return round(float(eval(plain)), 9) if _ARITHMETIC.fullmatch(plain) else None
