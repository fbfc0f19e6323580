"""The verdicts: what may differ between two releases, and what each of it means for threads."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from toolcrib.core.releases import Change, Verdict, worst


class Rule(NamedTuple):
    """A verdict, and the reason for it when it is not `safe`."""

    verdict: Verdict
    why: str = ""


_OLD_CALL = "a call that waits was made for the older arguments"
_SAVED = "what is saved of threads is of the older kind"

RULES = MappingProxyType[str, Rule](
    {
        "tool added": Rule("safe"),
        "tool removed": Rule("needs_pin", "a call that waits would find no such tool"),
        "argument added": Rule("safe"),
        "required argument added": Rule("needs_pin", _OLD_CALL),
        "argument removed": Rule("needs_pin", _OLD_CALL),
        "argument widened": Rule("safe"),
        "argument narrowed": Rule("needs_pin", _OLD_CALL),
        "argument now required": Rule("needs_pin", _OLD_CALL),
        "argument now optional": Rule("safe"),
        "argument reworded": Rule("safe"),
        "result": Rule("safe"),
        "description": Rule("safe"),
        "policy": Rule("safe"),
        "sensitive fields": Rule("safe"),
        "code": Rule("safe"),
        "agent added": Rule("safe"),
        "agent removed": Rule("needs_pin", "its threads would find no agent"),
        "agent kind": Rule("needs_pin", "a thread that waits stands in a graph of the other kind"),
        "agent tool taken away": Rule("needs_pin", "a call that waits would find no such tool"),
        "agent settings": Rule("safe"),
        "prompt": Rule("safe"),
        "money": Rule("safe"),
        "migration added": Rule("safe"),
        "threads kept elsewhere": Rule("breaking", "the newer release does not find threads of the older one"),
        "node added": Rule("safe"),
        "node removed": Rule("needs_migration", "a thread that waits in it would end without a word"),
        "edges": Rule("needs_pin", "a thread that waits came another way: what is new before it was never done"),
        "pauses": Rule("safe"),
        "graph code": Rule(
            "needs_pin", "a node begins anew when it is answered: another question might get the answer"
        ),
        "field added": Rule("safe"),
        "field added without default": Rule("needs_pin", "a thread that waits is past the nodes that fill it"),
        "required field added": Rule("needs_migration", "the state of older threads lacks it and is refused"),
        "field removed": Rule("needs_migration", "what is saved in it would be lost"),
        "field widened": Rule("safe"),
        "field retyped": Rule("needs_migration", _SAVED),
        "field tightened": Rule("needs_migration", "older threads may lack it"),
        "field loosened": Rule("safe"),
        "reducer": Rule("needs_migration", _SAVED),
        "experiment": Rule("safe"),
        "unknown": Rule("needs_pin", "nothing is known of its tools and agents"),
    }
)
"""What `docs/deployments.md` shows; the only place where verdicts are given."""


class Part(NamedTuple):
    """One difference in something: the rule it falls under, and its words."""

    rule: str
    text: str

    @property
    def verdict(self) -> Verdict:
        """What its rule says."""
        return RULES[self.rule].verdict


def make_change(
    kind: str, name: str, how: Literal["added", "removed", "changed"], parts: Sequence[Part], *, used: bool = True
) -> Change:
    """One line of a comparison, as bad as the worst of its parts; safe where no thread has `used` the thing."""
    each = [Change(kind=kind, name=name, change=how, verdict=part.verdict, why=RULES[part.rule].why) for part in parts]
    verdict = worst(each) if used else "safe"
    why = next((one.why for one in each if one.verdict == verdict), "") if used else ""
    text = ", ".join(part.text for part in parts) if how == "changed" else ""
    return Change(kind=kind, name=name, change=how, detail=text, verdict=verdict, why=why)
