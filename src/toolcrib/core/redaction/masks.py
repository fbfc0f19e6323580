"""Masks: which parts of a value are sensitive, as data; read from the marks its author left in a JSON Schema.

`Sensitive` and pydantic's `SecretStr` mark a schema with `writeOnly`, JSON Schema's own word for what is given and not
shown again (https://json-schema.org/draft/2020-12/json-schema-validation, 9.4); OpenAPI also knows `format: password`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType
from typing import Any, TypeAlias

Mask: TypeAlias = "bool | Mapping[str, Mask]"
"""True hides a value, False shows it. A mapping goes into it by key, and `*` stands for all other keys; lists are gone
through. What should be a mapping and is none is hidden."""

Schema: TypeAlias = Mapping[str, Any]
OTHERS = "*"
_FREE = MappingProxyType({OTHERS: False})
"""The tree of what may hold anything."""
_BRANCHES = ("allOf", "anyOf", "oneOf", "prefixItems")
_INNER = ("items", "contains", "if", "then", "else", "additionalItems", "unevaluatedItems")
_MARKS = (("writeOnly", True), ("format", "password"))
_VALUES = ("default", "examples")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


@dataclass(frozen=True, slots=True, kw_only=True)
class Masks:
    """What is sensitive of a tool's arguments, and of its result in JSON terms."""

    args: Mask = False
    result: Mask = False


def make_mask(schema: Schema, paths: Iterable[str] = ()) -> Mask:
    """The mask of the values that a JSON Schema describes.

    Where several schemas may describe a value, it is hidden if one of them hides it. Beside a sensitive field, names
    the schema does not know are hidden too: one of them may be a misspelt one.

    Args:
        schema: the schema, with its marks.
        paths: fields that are sensitive too, e.g. `address.street`; see `unknown_field`.
    """
    wanted = tuple(paths)
    if not wanted and not _is_marked(schema):
        return False
    tree = _Reader(schema).tree(schema)
    for path in wanted:
        tree = _with(tree, path.split("."))
    return _settled(tree)


def plain(schema: Schema) -> dict[str, Any]:
    """The schema as a model is to read it: without the marks, and without examples and defaults of what is marked."""
    dropped = _VALUES if _marks(schema) else ()
    return {
        key: _plain_part(key, inner)
        for key, inner in schema.items()
        if key not in dropped and (key, inner) not in _MARKS
    }


def unknown_field(schema: Schema, path: str) -> tuple[str, tuple[str, ...]] | None:
    """The first name in a dotted path that the schema does not know, and the names there are; None when it knows all.

    Lists are gone through: `payments.card` is the card of each payment. `*` is any key of a mapping without fixed ones.
    """
    tree = _Reader(schema).tree(schema)
    for name in path.split("."):
        if tree is True or tree is _FREE:
            return None
        known: Mapping[str, _Tree] = tree if isinstance(tree, Mapping) else {}
        if not _knows(known, name):
            return name, tuple(known)
        tree = _under(known, name)
    return None


def hides(mask: Mask) -> bool:
    """Whether the mask hides anything."""
    return mask is not False


def within(mask: Mask, name: str) -> Mask:
    """The mask of what stands under a name."""
    return mask.get(name, mask[OTHERS]) if isinstance(mask, Mapping) else mask


def is_covered(mask: Mask, by: Mask) -> bool:
    """Whether all that `mask` hides is hidden by the other mask too."""
    if isinstance(mask, bool) or isinstance(by, bool):
        return mask is False or by is True
    return all(is_covered(inner, within(by, name)) for name, inner in mask.items())


def shown_again(older: Mask, newer: Mask, schema: Schema) -> list[str]:
    """Fields that the older mask hides, the newer one does not, and that are still in the schema."""
    return [
        path
        for path in fields_of(older)
        if not is_covered(True, reduce(within, path.split("."), newer)) and unknown_field(schema, path) is None
    ]


def fields_of(mask: Mask, *, above: str = "") -> Iterator[str]:
    """The sensitive fields as dotted paths, without the unknown names that are hidden beside them."""
    if mask is True:
        yield above or OTHERS
    elif isinstance(mask, Mapping):
        named = {key: inner for key, inner in mask.items() if key != OTHERS or len(mask) == 1 or inner is not True}
        for key, inner in named.items():
            yield from fields_of(inner, above=f"{above}.{key}" if above else key)


_Tree: TypeAlias = "bool | str | Mapping[str, _Tree]"
"""A mask with all names a schema knows, also where nothing is hidden. A text is a schema that contains itself here."""


class _Reader:
    """Reads trees out of one schema."""

    def __init__(self, root: Schema) -> None:
        self._root = root

    def tree(self, schema: Any, above: tuple[str, ...] = ()) -> _Tree:
        """The tree of one part; `above` are the references that led to it."""
        if not isinstance(schema, Mapping):
            return _FREE if schema is True else False
        if _marks(schema):
            return True
        found = [self._referred(schema["$ref"], above)] if "$ref" in schema else []
        found += [self.tree(inner, above) for key in _BRANCHES for inner in schema.get(key) or ()]
        found += [self.tree(schema[key], above) for key in _INNER if key in schema]
        found += [self.tree(inner, above) for inner in (schema.get("dependentSchemas") or {}).values()]
        if "properties" in schema or "additionalProperties" in schema or "patternProperties" in schema:
            found.append(self._object(schema, above))
        elif not found and _says_nothing(schema):
            found.append(_FREE)
        return _merged(found)

    def _object(self, schema: Schema, above: tuple[str, ...]) -> _Tree:
        if _is_marked(schema.get("propertyNames")):
            return True
        fields = {name: self.tree(inner, above) for name, inner in (schema.get("properties") or {}).items()}
        others = [*(schema.get("patternProperties") or {}).values()]
        rest = schema.get("additionalProperties", False)
        if rest is True and not fields and not others:
            return _FREE
        if isinstance(rest, Mapping):
            others.append(rest)
        if others:
            fields[OTHERS] = _merged([self.tree(one, above) for one in others])
        return fields

    def _referred(self, reference: str, above: tuple[str, ...]) -> _Tree:
        if reference in above:
            return reference
        tree = self.tree(self._find(reference), (*above, reference))
        # What contains itself is hidden from the second level on, if anything in it is; an outer one may yet decide.
        outer = _references(tree) - {reference}
        is_hidden = _has_hidden(tree) or len(outer) > 1
        return _closed(tree, reference, True if is_hidden else next(iter(outer), _FREE))

    def _find(self, reference: str) -> Any:
        """What a reference within the schema points at; anything may stand behind one that leads out of it."""
        at: Any = self._root
        for part in reference.removeprefix("#").split("/")[1:]:
            at = at.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(at, Mapping) else None
        return at if reference.startswith("#") and isinstance(at, Mapping) and at is not self._root else True


def _marks(schema: Any) -> bool:
    """Whether the schema says of itself that its value is sensitive."""
    return isinstance(schema, Mapping) and any(schema.get(key) == value for key, value in _MARKS)


def _is_marked(value: Any) -> bool:
    """Whether there is a mark anywhere."""
    if isinstance(value, Mapping):
        return _marks(value) or any(map(_is_marked, value.values()))
    return isinstance(value, list) and any(map(_is_marked, value))


def _plain_part(key: str, value: Any) -> Any:
    if key in _NAMED and isinstance(value, Mapping):
        return {name: plain(inner) if isinstance(inner, Mapping) else inner for name, inner in value.items()}
    if key in _BRANCHES and isinstance(value, list):
        return [plain(inner) if isinstance(inner, Mapping) else inner for inner in value]
    is_schema = key in _INNER or key in ("additionalProperties", "propertyNames", "not")
    return plain(value) if is_schema and isinstance(value, Mapping) else value


def _merged(trees: Sequence[_Tree]) -> _Tree:
    """One tree for a value that any of these may describe; what says nothing of its fields opens no door to others."""
    if any(tree is True for tree in trees):
        return True
    again = [tree for tree in trees if isinstance(tree, str)]
    mappings = [tree for tree in trees if isinstance(tree, Mapping) and tree is not _FREE]
    if again:
        return True if len(set(again)) > 1 or any(map(_has_hidden, mappings)) else again[0]
    if not mappings:
        return _FREE if any(tree is _FREE for tree in trees) else False
    names = dict.fromkeys(name for tree in mappings for name in (*tree, OTHERS))
    fields = {name: _merged([_under(tree, name) for tree in mappings if _knows(tree, name)]) for name in names}
    if not all(OTHERS in tree for tree in mappings) and not _has_hidden(fields[OTHERS]):
        del fields[OTHERS]  # to one of them other names are unknown
    return fields


def _knows(tree: Mapping[str, _Tree], name: str) -> bool:
    return name in tree or OTHERS in tree


def _under(tree: Mapping[str, _Tree], name: str) -> _Tree:
    return tree.get(name, tree.get(OTHERS, False))


def _closed(tree: _Tree, reference: str, meaning: _Tree) -> _Tree:
    """The tree with `meaning` wherever it contains itself."""
    if isinstance(tree, Mapping) and tree is not _FREE:
        return {name: _closed(inner, reference, meaning) for name, inner in tree.items()}
    return meaning if tree == reference else tree


def _says_nothing(schema: Schema) -> bool:
    """Whether the value may be a mapping of whose keys the schema does not know any."""
    kinds = schema.get("type", "object")
    return "object" in ([kinds] if isinstance(kinds, str) else kinds) and not {"enum", "const"} & schema.keys()


def _references(tree: _Tree) -> set[str]:
    """What the tree contains again and does not know the end of."""
    if isinstance(tree, Mapping):
        return {name for inner in tree.values() for name in _references(inner)}
    return {tree} if isinstance(tree, str) else set()


def _has_hidden(tree: _Tree) -> bool:
    return any(map(_has_hidden, tree.values())) if isinstance(tree, Mapping) else tree is True


def _with(tree: _Tree, path: Sequence[str]) -> _Tree:
    """The tree with one more hidden place."""
    if not path or tree is True:
        return True
    fields = tree if isinstance(tree, Mapping) else _FREE
    name, *rest = path
    return {**fields, name: _with(_under(fields, name), rest)}


def _settled(tree: _Tree) -> Mask:
    """The mask: without names where nothing is hidden, and with a word on all other names where something is."""
    if not isinstance(tree, Mapping):
        return tree is True
    inner = {name: _settled(one) for name, one in tree.items()}
    return {OTHERS: True, **inner} if any(map(hides, inner.values())) else False
