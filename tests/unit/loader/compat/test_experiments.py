"""Experiments of two releases."""

from tests.unit.loader.compat.shapes import side
from toolcrib.core.compat.shapes import ExperimentShape, Shape
from toolcrib.loader.compat.compare import compare


def shape(**weights: float) -> ExperimentShape:
    return ExperimentShape(by="user", salt="s", weights=weights, variants=dict.fromkeys(weights, "1"))


def told(older: ExperimentShape | None, newer: ExperimentShape | None) -> tuple[str, str, str | None]:
    sides = [side(Shape(experiments={"e": one} if one else {})) for one in (older, newer)]
    (line,) = compare(*sides)
    assert (line.kind, line.name) == ("experiment", "e")
    return line.change, line.detail, line.verdict


def test_experiments_that_begin_and_end_are_told_and_are_safe() -> None:
    assert told(None, shape(a=1)) == ("added", "", "safe")
    assert told(shape(a=1), None) == ("removed", "", "safe")
    same = side(Shape(experiments={"e": shape(a=1)}))
    assert compare(same, same) == ()


def test_what_changes_in_an_experiment_is_told_part_by_part() -> None:
    older = shape(a=90, b=10, gone=1)
    newer = shape(b=0.5, a=90, new=3).model_copy(update={"by": "thread", "salt": "t", "outside": ("acme",)})
    changed = newer.model_copy(update={"variants": {**newer.variants, "a": "2"}})
    detail = (
        "by user -> thread, salt, variant a, b 10 -> 0.5, variant gone removed, variant new added, weight 3, "
        "order of variants, tenants outside"
    )
    assert told(older, changed) == ("changed", detail, "safe")


def test_shapes_from_before_there_were_experiments_have_none() -> None:
    assert Shape.from_json("{}").experiments == {}
    whole = Shape(experiments={"e": shape(a=1)})
    assert Shape.from_json(whole.to_json()) == whole
