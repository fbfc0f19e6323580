"""What `covers` says of two schemas holds for every value: pydantic, which made them, agrees."""

from typing import Annotated, Any, Literal, NotRequired, Union

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from typing_extensions import TypedDict

from toolcrib.loader.compat.schemas import covers

numbers = st.integers(-3, 3)
words = st.sampled_from(["", "a", "b", "abc"])
names = st.sampled_from(["p", "q", "r"])
plain = st.sampled_from([int, float, str, bool, type(None), Any])
bounded = st.one_of(
    st.builds(lambda low: Annotated[int, Field(ge=low)], numbers),
    st.builds(lambda high: Annotated[int, Field(lt=high)], numbers),
    st.builds(lambda least: Annotated[str, Field(min_length=least)], st.integers(0, 3)),
    st.builds(lambda values: Literal[tuple(values)], st.lists(st.one_of(numbers, words), min_size=1, max_size=3)),
)


def _model(fields: dict[str, tuple[Any, bool]], closed: bool) -> Any:
    config = ConfigDict(extra="forbid" if closed else "ignore")
    given: dict[str, Any] = {name: (hint, ... if needed else None) for name, (hint, needed) in fields.items()}
    model: type[BaseModel] = create_model("Model", __config__=config, **given)
    return model


def _typed_dict(fields: dict[str, tuple[Any, bool]]) -> Any:
    hints = {name: hint if needed else NotRequired[hint] for name, (hint, needed) in fields.items()}
    return TypedDict("Typed", hints)  # type: ignore[operator]  # made as it goes


def _larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.dictionaries(names, st.tuples(inner, st.booleans()), max_size=3)
    return st.one_of(
        st.builds(lambda one: list[one], inner),  # type: ignore[valid-type]  # drawn
        st.builds(lambda one: dict[str, one], inner),  # type: ignore[valid-type]  # drawn
        st.builds(lambda one, other: tuple[one, other], inner, inner),  # type: ignore[valid-type]  # drawn
        st.builds(lambda some: Union[tuple(some)], st.lists(inner, min_size=1, max_size=3)),  # noqa: UP007 - drawn
        st.builds(_model, fields, st.booleans()),
        st.builds(_typed_dict, fields),
    )


hints = st.recursive(st.one_of(plain, bounded), _larger, max_leaves=6)


@st.composite
def instances(draw: st.DrawFn, schema: dict[str, Any]) -> Any:
    """A value that is likely to fit the schema, near its bounds, with no names but those it declares."""
    if "anyOf" in schema:
        return draw(instances(draw(st.sampled_from(schema["anyOf"]))))
    if "enum" in schema or "const" in schema:
        return draw(st.sampled_from(schema.get("enum", [schema.get("const")])))
    match schema.get("type"):
        case "integer":
            low, high = schema.get("minimum", -4), schema.get("exclusiveMaximum", 5)
            return draw(st.integers(low, max(low, high - 1)))
        case "string":
            return "x" * draw(st.integers(schema.get("minLength", 0), 4))
        case "array":
            first = [draw(instances(one)) for one in schema.get("prefixItems", ())]
            return first or draw(st.lists(instances(schema.get("items", {})), max_size=2))
        case "object" if "properties" in schema:
            chosen = {
                name for name in schema["properties"] if name in schema.get("required", ()) or draw(st.booleans())
            }
            return {name: draw(instances(schema["properties"][name])) for name in sorted(chosen)}
        case "object":
            others = schema.get("additionalProperties", True)
            return draw(st.dictionaries(names, instances({} if others is True else others), max_size=2))
        case kind:
            some: dict[str, list[Any]] = {"number": [0.5, 2], "boolean": [True], "null": [None]}
            return draw(st.sampled_from(some.get(str(kind), [None, True, -3, 0.5, "", "abc", ["a"], {"p": 1}])))


def fits(adapter: TypeAdapter[Any], value: Any) -> bool:
    try:
        adapter.validate_json(TypeAdapter(Any).dump_json(value), strict=True)
    except ValidationError:
        return False
    return True


fields_of_two = st.dictionaries(names, st.tuples(hints, hints, st.booleans(), st.booleans()), min_size=1, max_size=2)
"""Field -> its hint in either of two classes, and whether each of them requires it."""
small = st.one_of(plain, bounded)
unions = st.builds(lambda some: Union[tuple(some)], st.lists(small, min_size=1, max_size=3))  # noqa: UP007 - drawn
pairs = st.one_of(
    st.tuples(hints, hints),
    st.tuples(small, small),
    st.tuples(unions, unions),
    st.builds(lambda one, other: (Union[one, other], one), hints, hints),  # noqa: UP007 - drawn
    st.builds(
        lambda both, closed: (
            _model({name: (hint, needed) for name, (hint, _, needed, _) in both.items()}, closed),
            _model({name: (hint, needed) for name, (_, hint, _, needed) in both.items()}, closed),
        ),
        fields_of_two,
        st.booleans(),
    ),
    st.builds(
        lambda both: (
            _typed_dict({name: (hint, needed) for name, (hint, _, needed, _) in both.items()}),
            _typed_dict({name: (hint, needed) for name, (_, hint, _, needed) in both.items()}),
        ),
        fields_of_two,
    ),
)


@settings(max_examples=300)
@given(pairs, st.data())
def test_what_fits_the_covered_schema_fits_the_covering_one(pair: tuple[Any, Any], data: st.DataObject) -> None:
    mine, theirs = (TypeAdapter(hint) for hint in pair)
    wide, narrow = (inlined(one.json_schema()) for one in (mine, theirs))
    if covers(wide, narrow):
        for _ in range(4):
            value = data.draw(instances(narrow))
            assert not fits(theirs, value) or fits(mine, value), (value, wide, narrow)


@given(hints)
def test_every_schema_covers_itself(hint: Any) -> None:
    schema = TypeAdapter(hint).json_schema()
    assert covers(schema, schema, of=(schema, schema))


@given(hints, hints)
def test_a_union_covers_both_of_its_members(one: Any, other: Any) -> None:
    both, single = TypeAdapter(Union[one, other]).json_schema(), TypeAdapter(one).json_schema()  # noqa: UP007 - drawn
    assert covers(both, single, of=(both, single))


def inlined(schema: Any, root: dict[str, Any] | None = None) -> Any:
    """The schema without references; none of these is recursive."""
    root = schema if root is None else root
    if isinstance(schema, list):
        return [inlined(one, root) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return inlined(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    return {key: inlined(value, root) for key, value in schema.items() if key != "$defs"}
