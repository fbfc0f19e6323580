"""What must be said in words: why everything is caught, why a type is overruled, and names in the field's words."""

import ast
import re
from collections.abc import Iterator
from types import MappingProxyType

from tests.arch.source import PACKAGE, TESTS, Breach, Module, assert_kept, breach, module, modules

# path -> reason
BLIND_EXCEPT = MappingProxyType[str, str]({})
# path -> reason
VAGUE_NAMES = MappingProxyType[str, str]({})

BLIND = frozenset({"BaseException", "Exception"})
GUARD = re.compile(r"#.*\bouter guard: \S")
OVERRULED = re.compile(r"#\s*type:\s*ignore\[[\w\-, ]+\]\s*(?P<reason>.*)")
VAGUE = re.compile(r"(^|_)(manager|handler|helper|util|engine)s?($|_)|(Manager|Handler|Helper|Util|Engine)s?$")


def blind_excepts(where: Module) -> Iterator[Breach]:
    for node in ast.walk(where.tree):
        if isinstance(node, ast.ExceptHandler) and is_blind(node) and not raises_again(node):
            line = where.lines[node.lineno - 1]
            if not GUARD.search(line):
                yield breach(
                    where, node, "catches everything: name the errors, or say `# outer guard: <reason>` on this line"
                )


def is_blind(node: ast.ExceptHandler) -> bool:
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(one is None or (isinstance(one, ast.Name) and one.id in BLIND) for one in caught)


def raises_again(node: ast.ExceptHandler) -> bool:
    """Cleaning up and letting the error go on swallows nothing."""
    match node.body[-1]:
        case ast.Raise(exc=None):
            return True
        case _:
            return False


def unexplained_ignores(where: Module) -> Iterator[Breach]:
    for number, line in enumerate(where.lines, start=1):
        found = OVERRULED.search(line)
        if found and not re.search(r"\w{2,}", re.sub(r"noqa:? ?[A-Z0-9, ]*", "", found["reason"])):
            yield Breach(key=where.path, text=f"{where.path}:{number}: `type: ignore` without a reason after it")


def vague_names(where: Module) -> Iterator[Breach]:
    stem = where.path.rpartition("/")[2].removesuffix(".py")
    if VAGUE.search(stem):
        yield breach(where, None, f"{stem}: say what it does in the field's words")
    for node in ast.walk(where.tree):
        if isinstance(node, ast.ClassDef) and VAGUE.search(node.name):
            yield breach(where, node, f"{node.name}: say what it does in the field's words")


def test_everything_is_caught_only_at_outer_guards_that_say_why() -> None:
    assert_kept((b for where in modules(PACKAGE) for b in blind_excepts(where)), BLIND_EXCEPT)


def test_every_overruled_type_has_a_reason() -> None:
    everything = (*modules(PACKAGE), *modules(TESTS))
    assert_kept((b for where in everything for b in unexplained_ignores(where)), {})


def test_names_are_not_vague() -> None:
    assert_kept((b for where in modules(PACKAGE) for b in vague_names(where)), VAGUE_NAMES)


def test_the_rule_sees_a_blind_except() -> None:
    for clause in ("except Exception:", "except:", "except (OSError, Exception):", "except BaseException as error:"):
        text = f"try:\n    f()\n{clause}\n    log()\n"
        assert list(blind_excepts(module("a.py", text))), clause
        told = text.replace(clause, f"{clause}  # noqa: BLE001 - outer guard: a broken sink must not stop a call")
        assert not list(blind_excepts(module("a.py", told))), clause
        assert not list(blind_excepts(module("a.py", f"{text}    raise\n"))), clause
    assert not list(blind_excepts(module("a.py", "try:\n    f()\nexcept OSError:\n    pass\n")))


def test_the_rules_see_an_unexplained_ignore_and_a_vague_name() -> None:
    mark = "# type: " + "ignore[arg-type]"
    assert list(unexplained_ignores(module("a.py", f"x = 1  {mark}\n")))
    assert not list(unexplained_ignores(module("a.py", f"x = 1  {mark}  # values are str by construction\n")))
    assert list(vague_names(module("core/utils.py", "")))
    assert list(vague_names(module("core/a.py", "class ToolManager: ...")))
    assert not list(vague_names(module("core/a.py", "class ToolUtilisation: ...")))
