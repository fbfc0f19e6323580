"""The six scenes of the demo. Every figure in them is measured while they play."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolcrib.cli.demo.client import Answer, Client, Feed, Seen
from toolcrib.cli.demo.stage import Stage
from toolcrib.core.ports import Clock
from toolcrib.core.reasons import Reason, draw_all

TWO_PARTS = "Where is order A-42, and how much is 3 * 49.90?"
CHINESE = "订单 A-17 到哪儿了？"
SLOW = "What does shipping 3 kg to Oslo cost?"
PLAIN = "Where is order A-31?"

SHIPPING = "tools/shipping.py"
OLD_CARRIER = 'CARRIER = "Baltic Parcel"\nEUR_PER_KG = 2.40'
NEW_CARRIER = 'CARRIER = "Harbour Express"\nEUR_PER_KG = 1.80'
ORDERS = "tools/orders.py"
SOUND = "def order_status(order_id: str) -> dict[str, Any]:"
BROKEN = "def order_status(order_id: str) -> dict[str, Any]"
PROMPT = "prompts/support.md"
OLD_ENDING = "End every answer with: Anything else? Your {shop} team"
NEW_ENDING = "End every answer with: Our workshop is closed on 24 December. Your {shop} team"


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What a scene plays with."""

    stage: Stage
    client: Client
    feed: Feed
    project: Path
    clock: Clock

    async def ask(self, question: str) -> Answer:
        """Ask, and print question and answer."""
        self.stage.line("ask", question)
        answer = await self.client.ask(question)
        self.stage.answer(answer.text, answer.facts())
        return answer

    def edit(self, path: str, before: str, after: str) -> float:
        """Save a change as editors do, by one rename; gives the reading of the clock before the write."""
        file = self.project / path
        text = file.read_text(encoding="utf-8")
        if before not in text:
            raise ValueError(f"{path} does not hold the text the demo wants to change")
        draft = self.project.parent / f"{file.name}.draft"
        draft.write_text(text.replace(before, after), encoding="utf-8")
        began = self.clock.monotonic()
        os.replace(draft, file)
        return began

    async def deployed(self, state: str, *, after: int) -> Seen:
        """The next deployment that ended so."""
        return await self.feed.wait("deployment.finished", lambda data: data["state"] == state, after=after)


async def tools_answer(play: Play) -> None:
    """Scene 1: answers that need tools."""
    stage = play.stage
    stage.scene(
        1,
        "Questions that need tools",
        "Tools are plain functions in tools/*.py; an answer tells which of them ran, on which release.",
    )
    both = await play.ask(TWO_PARTS)
    stage.gap()
    chinese = await play.ask(CHINESE)
    stage.gap()
    stage.check(both.success and len(set(both.tools)) == 2, "the question with two parts took two tools")
    stage.check(chinese.success and _is_chinese(chinese.text), "the Chinese question was answered in Chinese")


async def edit_in_flight(play: Play) -> None:
    """Scene 2: a tool is edited while a run is in the middle of it."""
    stage = play.stage
    stage.scene(
        2,
        "A tool is edited while a run is in the middle of it",
        "The run in flight finishes on the code it began with, the next one has the new code. No restart.",
    )
    stage.line("ask", SLOW)
    began, mark = play.clock.monotonic(), play.feed.mark()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(play.client.ask(SLOW))
        started = await play.feed.wait("tool.started", lambda data: data["tool"] == "shipping_quote", after=mark)
        old = str(started.data["release"])
        stage.moment(started.at - began, f"run 1 waits for the carrier inside shipping_quote, on {old}")
        saved = play.edit(SHIPPING, OLD_CARRIER, NEW_CARRIER)
        stage.moment(saved - began, f"{SHIPPING} is saved: {_words(OLD_CARRIER)} → {_words(NEW_CARRIER)}")
        live = await play.deployed("active", after=mark)
        stage.moment(live.at - began, f"{live.data['release']} serves, {live.at - saved:.3f} s after the save")
        overtaken = not first.done()
        second = group.create_task(play.client.ask(SLOW))
        stage.moment(play.clock.monotonic() - began, f"run 2 begins{', run 1 still waits' if overtaken else ''}")
        before = await first
        stage.moment(before.ended - began, f"run 1 has its answer, on {before.release}:")
        stage.answer(before.text, before.facts())
        after = await second
        stage.moment(after.ended - began, f"run 2 has its answer, on {after.release}:")
        stage.answer(after.text, after.facts())
    stage.gap()
    stage.line("of that", f"{_phases(live.data)}, the rest is waiting for a whole file")
    if overtaken:
        stage.check(True, "the new release served while run 1 was still at work")
    else:
        stage.line("note", "this machine was busy: run 1 had ended before the new release served")
    stage.check(before.success and before.releases == {old}, f"run 1 saw {old} and nothing else")
    stage.check(
        after.success and after.releases == {live.data["release"]}, "run 2 saw the new release and nothing else"
    )
    stage.check(
        "Baltic Parcel" in before.text and "Harbour Express" in after.text, "each with its own carrier and price"
    )


async def broken_edit(play: Play) -> None:
    """Scene 3: an edit that cannot be loaded."""
    stage = play.stage
    stage.scene(
        3,
        "A broken edit is saved",
        "It is refused, with its place, before it can serve; the last good release goes on answering.",
    )
    stage.change(ORDERS, SOUND, BROKEN)
    mark = play.feed.mark()
    saved = play.edit(ORDERS, SOUND, BROKEN)
    refused = await play.deployed("rejected", after=mark)
    reasons = [Reason.from_dict(reason) for reason in refused.data["reasons"]]
    stage.line("refused", f"after {refused.at - saved:.3f} s:")
    stage.drawing(draw_all(reasons))
    stage.gap()
    answer = await play.ask(PLAIN)
    play.edit(ORDERS, BROKEN, SOUND)
    stage.gap()
    stage.check(any(reason.file == ORDERS and reason.line for reason in reasons), "the refusal names file and line")
    stage.check(answer.success and answer.release != refused.data["release"], "the service answered all the same")


async def new_prompt(play: Play) -> None:
    """Scenes 4 and 5: the prompt changes, and a roll-back takes the change away again."""
    stage = play.stage
    stage.scene(
        4,
        "The prompt is changed",
        "Prompts, agents and settings go live the way tools do: save, and the next answer has it.",
    )
    before = await play.ask(PLAIN)
    stage.gap()
    stage.change(PROMPT, OLD_ENDING, NEW_ENDING)
    mark = play.feed.mark()
    saved = play.edit(PROMPT, OLD_ENDING, NEW_ENDING)
    live = await play.deployed("active", after=mark)
    stage.line("live", f"{live.data['release']} serves, {live.at - saved:.3f} s after the save")
    stage.gap()
    after = await play.ask(PLAIN)
    stage.gap()
    stage.check(after.success and "24 December" in after.text, "the answer ends as the new prompt asks")
    await _roll_back(play, before)


async def _roll_back(play: Play, before: Answer) -> None:
    stage = play.stage
    stage.scene(
        5,
        "The change is rolled back",
        "A roll-back lets an older release serve again; it is still loaded, so one assignment does it.",
    )
    deployment, seconds = await play.client.roll_back()
    stage.line("rolled", f"back from {deployment['previous']} to {deployment['release']} in {seconds:.3f} s")
    stage.gap()
    again = await play.ask(PLAIN)
    stage.gap()
    same = again.text == before.text and again.release == before.release
    stage.check(same, f"the answer is, letter for letter, the one {before.release} gave before")


async def ledger(play: Play) -> None:
    """Scene 6: what the ledger says of all these runs."""
    stage = play.stage
    stage.scene(
        6,
        "The ledger",
        "Each run is written down with every release its steps saw; a broken or mixed one would show here.",
    )
    counts = await play.client.ledger()
    words = ("started", "finished", "failed", "mixed")
    stage.line("runs", ", ".join(f"{counts[word]} {word}" for word in words))
    stage.gap()
    clean = counts["failed"] == 0 and counts["mixed"] == 0 and counts["finished"] == counts["started"]
    stage.check(clean, "0 failed, 0 mixed" if clean else "a run failed, was mixed, or never ended")


SCENES: tuple[Callable[[Play], Awaitable[None]], ...] = (tools_answer, edit_in_flight, broken_edit, new_prompt, ledger)


def _words(assignments: str) -> str:
    """The two assignments as people say them: `Baltic Parcel 2.40 EUR/kg`."""
    carrier, price = (line.partition(" = ")[2].strip('"') for line in assignments.splitlines())
    return f"{carrier} {price} EUR/kg"


def _phases(deployment: Mapping[str, Any]) -> str:
    """Where the server spent the time of a deployment."""
    phases = {name: seconds for name, seconds in deployment["timings_s"].items() if name != "total"}
    return ", ".join(f"{name} {seconds:.3f} s" for name, seconds in phases.items())


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= char <= "\u9fff" for char in text)
