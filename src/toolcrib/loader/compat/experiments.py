"""Experiments of two releases: what changed in who gets which variant, and in the variants."""

from collections.abc import Iterator

from toolcrib.core.compat.shapes import ExperimentShape, Shape
from toolcrib.core.releases import Change
from toolcrib.loader.compat.rules import Part, make_change


def compare_experiments(older: Shape, newer: Shape) -> list[Change]:
    """Experiments begun, ended and changed. A run keeps its variant, for it keeps its release; so all of it is safe."""
    before, after = older.experiments, newer.experiments
    lines = [
        make_change("experiment", name, "added", [Part("experiment", "")])
        for name in sorted(after.keys() - before.keys())
    ]
    lines += [
        make_change("experiment", name, "removed", [Part("experiment", "")])
        for name in sorted(before.keys() - after.keys())
    ]
    for name in sorted(before.keys() & after.keys()):
        if parts := [Part("experiment", text) for text in _differences(before[name], after[name])]:
            lines.append(make_change("experiment", name, "changed", parts))
    return lines


def _differences(older: ExperimentShape, newer: ExperimentShape) -> Iterator[str]:
    if older.by != newer.by:
        yield f"by {older.by} -> {newer.by}"
    if older.salt != newer.salt:
        yield "salt"
    for name in dict.fromkeys((*older.weights, *newer.weights)):
        before, after = older.weights.get(name), newer.weights.get(name)
        if before is None:
            yield f"variant {name} added, weight {after:g}"
        elif after is None:
            yield f"variant {name} removed"
        elif before != after:
            yield f"{name} {before:g} -> {after:g}"
        if before is not None and after is not None and older.variants.get(name) != newer.variants.get(name):
            yield f"variant {name}"
    if [name for name in older.weights if name in newer.weights] != [
        name for name in newer.weights if name in older.weights
    ]:
        yield "order of variants"
    if older.outside != newer.outside:
        yield "tenants outside"
