"""No mutable state of modules and classes; values are frozen."""

import ast
from collections.abc import Callable, Iterator
from functools import partial
from types import MappingProxyType

from tests.arch.source import PACKAGE, Breach, Module, assert_kept, breach, dotted, module, modules

# path -> reason
MODULE_STATE = MappingProxyType[str, str](
    {"runtime/guest.py": "the graphs of one langgraph.json are names of their own, and share the project in a process"}
)
# path -> reason
CLASS_STATE = MappingProxyType[str, str]({})
# path:class -> reason
UNFROZEN_VALUES = MappingProxyType[str, str]({})

MUTABLE_LITERALS = (ast.Dict, ast.DictComp, ast.List, ast.ListComp, ast.Set, ast.SetComp, ast.GeneratorExp)

# What a module may make while it is imported: constants, declarations, and names of loggers and context variables.
CONSTANT_CALLS = frozenset(
    {
        *("Decimal", "MappingProxyType", "Path", "PurePosixPath", "bytes", "float", "frozenset", "int", "object"),
        *("range", "str", "timedelta", "tuple", "compile", "Struct"),
        *("NewType", "ParamSpec", "TypeVar", "TypeVarTuple", "TypeAdapter", "auto", "attrgetter", "itemgetter"),
        *("ContextVar", "getLogger", "get_logger"),
        *("Column", "ForeignKey", "Index", "MetaData", "Table", "UniqueConstraint", "mapped_column"),
    }
)
# Doors declare their commands and routes on one object under one of these names.
DOOR_CALLS = frozenset({"APIRouter", "Typer"})
DOOR_NAMES = frozenset({"app", "router"})
# What a class body may call besides: field declarations.
FIELD_CALLS = frozenset({"ConfigDict", "Field", "PrivateAttr", "field", "property", "relationship"})
CACHES = frozenset({"cache", "functools.cache", "functools.lru_cache", "lru_cache"})

# Names that every module must or may bind to a literal.
LITERAL_NAMES = frozenset({"__all__", "__slots__", "__match_args__", "model_config"})


def module_state(where: Module, frozen: frozenset[str]) -> Iterator[Breach]:
    allowed = CONSTANT_CALLS | frozen
    for node, names, value in assignments(where.tree.body):
        door = dotted(value).rpartition(".")[2] in DOOR_CALLS and DOOR_NAMES.issuperset(names)
        if not door and is_mutable(value, allowed):
            yield breach(where, node, f"module-level state {', '.join(names)}: freeze it or give it to a constructor")
    for one in ast.walk(where.tree):
        match one:
            case ast.Global():
                yield breach(where, one, "`global`: give the value to a constructor")
            case ast.FunctionDef(decorator_list=marks) if any(dotted(mark) in CACHES for mark in marks):
                yield breach(where, one, f"the cache on {one.name} is module-level state: give it an owner")
            case _:
                continue


def class_state(where: Module, frozen: frozenset[str]) -> Iterator[Breach]:
    allowed = CONSTANT_CALLS | FIELD_CALLS | frozen
    for owner in (node for node in ast.walk(where.tree) if isinstance(node, ast.ClassDef)):
        for node, names, value in assignments(owner.body):
            if is_mutable(value, allowed):
                text = f"class-level state {owner.name}.{', '.join(names)}: freeze it or set it in the constructor"
                yield breach(where, node, text)


def assignments(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, list[str], ast.expr]]:
    """Every assignment of a body, also below `if` and `try`, besides names bound to literals by custom."""
    for node in body:
        match node:
            case ast.Assign(targets=targets, value=value):
                names = [dotted(target) for target in targets]
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                names = [dotted(target)]
            case ast.If() | ast.Try():
                yield from assignments([one for one in ast.iter_child_nodes(node) if isinstance(one, ast.stmt)])
                continue
            case _:
                continue
        if not LITERAL_NAMES.issuperset(names):
            yield node, names, value


def is_mutable(value: ast.expr, allowed: frozenset[str]) -> bool:
    match value:
        case ast.Tuple(elts=parts):
            return any(is_mutable(part, allowed) for part in parts)
        case ast.BinOp(left=left, right=right) | ast.IfExp(body=left, orelse=right):
            return is_mutable(left, allowed) or is_mutable(right, allowed)
        case ast.Starred(value=inner):
            return not isinstance(inner, MUTABLE_LITERALS) and is_mutable(inner, allowed)
        case ast.Call():
            return dotted(value).rpartition(".")[2] not in allowed
        case _:
            return isinstance(value, MUTABLE_LITERALS)


def frozen_classes(everything: list[Module]) -> frozenset[str]:
    """Names of our own value classes: a constant may be one of them."""
    return frozenset(
        node.name
        for where in everything
        for node in ast.walk(where.tree)
        if isinstance(node, ast.ClassDef) and (frozen_dataclass(node) or frozen_model(node))
    )


def frozen_dataclass(node: ast.ClassDef) -> bool:
    return any("frozen" in true_keywords(mark) for mark in node.decorator_list)


def frozen_model(node: ast.ClassDef) -> bool:
    return any(
        "frozen" in true_keywords(value) for value in (one.value for one in node.body if isinstance(one, ast.Assign))
    )


def true_keywords(call: ast.expr) -> set[str]:
    if not isinstance(call, ast.Call):
        return set()
    return {
        word.arg or "" for word in call.keywords if isinstance(word.value, ast.Constant) and word.value.value is True
    }


def unfrozen_values(where: Module) -> Iterator[Breach]:
    """Core holds values only: each dataclass there is frozen, has slots and takes its fields by keyword."""
    for node in (node for node in ast.walk(where.tree) if isinstance(node, ast.ClassDef)):
        for mark in node.decorator_list:
            if dotted(mark).rpartition(".")[2] == "dataclass":
                missing = {"frozen", "slots", "kw_only"} - true_keywords(mark)
                if missing:
                    text = f"{node.name} lacks {', '.join(sorted(missing))}"
                    yield breach(where, node, text, key=f"{where.path}:{node.name}")


def test_modules_hold_no_mutable_state() -> None:
    everything = list(modules(PACKAGE))
    frozen = frozen_classes(everything)
    assert_kept((b for where in everything for b in module_state(where, frozen)), MODULE_STATE)


def test_classes_hold_no_mutable_state() -> None:
    everything = list(modules(PACKAGE))
    frozen = frozen_classes(everything)
    assert_kept((b for where in everything for b in class_state(where, frozen)), CLASS_STATE)


def test_values_of_core_are_frozen() -> None:
    core = (where for where in modules(PACKAGE) if where.path.startswith("core/"))
    assert_kept((b for where in core for b in unfrozen_values(where)), UNFROZEN_VALUES)


def sees(rule: Callable[[Module], Iterator[Breach]], text: str) -> bool:
    return bool(list(rule(module("room/a.py", text))))


def test_the_rule_sees_module_state() -> None:
    rule = partial(module_state, frozen=frozenset({"Limits"}))
    for text in (
        "a = {}",
        "a: dict[str, int] = {}",
        "a = []",
        "a = {1}",
        "a = dict()",
        "a = [x for x in b]",
        "a = ([],)",
        "a = Registry()",
        "a = collections.deque()",
        "if True:\n    a = []",
        "from functools import lru_cache\n@lru_cache(maxsize=8)\ndef f(): ...",
        "def f():\n    global a",
        "routes = APIRouter()",
    ):
        assert sees(rule, text), text
    for text in (
        "a = MappingProxyType({1: 2})",
        "a = MappingProxyType[str, str]({})",
        "a = frozenset({1})",
        "a = (1, 2)",
        "a = (*[1], 2)",
        "__all__ = ['a']",
        "logger = logging.getLogger(__name__)",
        "router = APIRouter()",
        "app = typer.Typer()",
        "a = Limits(x=1)",
        "a = dict[str, int]",
        "def f():\n    a = []",
    ):
        assert not sees(rule, text), text


def test_the_rule_sees_class_state() -> None:
    rule = partial(class_state, frozen=frozenset[str]())
    for text in ("class A:\n    a = {}", "class A:\n    a: ClassVar[list[int]] = []", "class A:\n    a = Lock()"):
        assert sees(rule, text), text
    for text in (
        "class A:\n    a: list[int] = field(default_factory=list)",
        "class A:\n    model_config = {'frozen': True}",
        "class A:\n    a: ClassVar[str] = 'x'",
        "class A:\n    __slots__ = ['a']",
        "class A:\n    def f(self):\n        a = []",
    ):
        assert not sees(rule, text), text


def test_the_rule_sees_an_unfrozen_value() -> None:
    assert sees(unfrozen_values, "@dataclass\nclass A: ...")
    assert sees(unfrozen_values, "@dataclass(frozen=True, slots=True)\nclass A: ...")
    assert not sees(unfrozen_values, "@dataclass(frozen=True, slots=True, kw_only=True)\nclass A: ...")


def test_our_own_value_classes_are_found() -> None:
    where = module(
        "core/a.py",
        "@dataclass(frozen=True)\nclass A: ...\n"
        "class B(BaseModel):\n    model_config = ConfigDict(frozen=True)\n"
        "class C: ...\n",
    )
    assert frozen_classes([where]) == {"A", "B"}
