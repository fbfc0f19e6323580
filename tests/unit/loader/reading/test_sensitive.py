"""`sensitive` in tools.yaml: more arguments that must not be shown, by names that are checked; and fallbacks."""

import pytest

from tests.unit.loader.projects import Project, bundle_of, compile_all
from toolcrib.core.reasons import Reason, draw_all
from toolcrib.core.redaction import Secrets
from toolcrib.core.tools import Tool
from toolcrib.loader.project import LoadPorts, load_project

TOOLS = '''
from typing import Annotated, Any
from pydantic import BaseModel
from toolcrib import Sensitive, tool

class Address(BaseModel):
    street: str
    city: str

@tool
def pay(card: str, address: Address, more: list[Address] = [], box: dict[str, Any] = {}) -> str:
    """Pays."""
    return card

@tool
def pay_marked(card: Annotated[str, Sensitive()], address: Address) -> str:
    """Pays too."""
    return card
'''
CARD = {"*": True, "card": True, "address": False, "more": False, "box": False}


def files(yaml: str) -> dict[str, str]:
    return {"tools/pay.py": TOOLS, "tools.yaml": yaml}


def reasons(project: Project, yaml: str) -> tuple[Reason, ...]:
    found, told = project.load(files(yaml))
    assert found is None
    return told


@pytest.mark.parametrize(
    ("paths", "mask"),
    [
        ("[card]", CARD),
        ("[card, card]", CARD),
        ('["address.street"]', CARD | {"card": False, "address": {"*": True, "street": True, "city": False}}),
        ('["more.street"]', CARD | {"card": False, "more": {"*": True, "street": True, "city": False}}),
        ('["box.iban"]', CARD | {"card": False, "box": {"*": False, "iban": True}}),
        ("[]", False),
    ],
)
def test_named_arguments_are_sensitive(project: Project, paths: str, mask: object) -> None:
    found, told = project.load(files(f"tools: {{pay: {{sensitive: {paths}}}}}\n"))
    assert found is not None, draw_all(told)
    assert found.tools["pay"].spec.sensitive.args == mask
    assert found.tools["pay"].validate({"card": "x", "address": {"street": "a", "city": "b"}})["card"] == "x"


def test_variants_of_a_tool_hide_the_same(project: Project) -> None:
    yaml = "tools: {pay: {sensitive: [card]}}\nper_tenant: {acme: {pay: {timeout_s: 3}}}\n"
    found, told = project.load(files(yaml))
    assert found is not None, draw_all(told)
    variant = found.catalogue.variants["pay", "", "acme"]
    assert isinstance(variant, Tool)
    assert variant.spec.sensitive == found.tools["pay"].spec.sensitive


def test_a_name_nobody_knows_is_a_mistake_with_its_place_and_near_names(project: Project) -> None:
    yaml = 'tools:\n  pay:\n    sensitive: [crd, "address.stret", "card.number"]\n'
    told = reasons(project, yaml)
    assert [(one.code, one.place, one.message, one.hint) for one in told] == [
        (
            "unknown_argument",
            "tools.yaml:3:17",
            "tool 'pay' has no argument 'crd'",
            "Did you mean 'card'?",
        ),
        (
            "unknown_argument",
            "tools.yaml:3:22",
            "tool 'pay' has no argument 'address.stret'",
            "Did you mean 'street'?",
        ),
        (
            "unknown_argument",
            "tools.yaml:3:39",
            "tool 'pay' has no argument 'card.number'",
            "There are none.",
        ),
    ]


@pytest.mark.parametrize("value", ["card", "3", "[3]", "{card: true}"])
def test_what_is_no_list_of_names_is_a_mistake(project: Project, value: str) -> None:
    (told,) = reasons(project, f"tools: {{pay: {{sensitive: {value}}}}}\n")
    assert told.code == "wrong_type"


def test_an_agent_or_a_tenant_cannot_change_what_is_sensitive(project: Project) -> None:
    (told,) = reasons(project, "per_tenant: {acme: {pay: {sensitive: []}}}\n")
    assert told.code == "unknown_key"


def test_a_fallback_must_hide_what_its_tool_hides(project: Project) -> None:
    (told,) = reasons(project, "tools: {pay_marked: {fallback: pay}}\n")
    assert told.code == "policy"
    assert told.message == "tool 'pay_marked' falls back to 'pay', to which card is not sensitive"
    assert told.hint == "Mark it there too, or in tools.yaml: `tools: {pay: {sensitive: [card]}}`."
    found, told_now = project.load(files("tools: {pay_marked: {fallback: pay}, pay: {sensitive: [card]}}\n"))
    assert found is not None, draw_all(told_now)
    found, told_now = project.load(files("tools: {pay: {fallback: pay_marked}}\n"))
    assert found is not None, draw_all(told_now)


def test_secrets_are_known_that_yaml_names_before_the_projects_code_runs_and_those_code_asks_for(
    project: Project,
) -> None:
    secrets = Secrets({"KEY": "hunter2-hunter2", "OTHER": "seen-by-nobody", "TOKEN": "asked-in-code"})
    agents = "agents: {a: {model: offline, prompt: hello, model_options: {k: '${secret:KEY} ${env:OTHER}'}}}\n"
    code = TOOLS.replace("import Sensitive", "import Secret, Sensitive")
    code = code.replace("def pay(", "def pay(token: Annotated[str, Secret('TOKEN')], ")
    bundle = bundle_of({"agents.yaml": agents, "tools/pay.py": code})
    seen: list[str] = []

    def imported(path: str) -> None:
        seen.append(secrets.scrub("hunter2-hunter2 asked-in-code"))

    ports = LoadPorts(root=project.root, pool=project.pool, secrets=secrets, on_module=imported)
    found, told = load_project(bundle, compile_all(bundle, project.root), ports)
    assert found is not None, draw_all(told)
    assert seen == ["[secret:KEY] asked-in-code"]
    assert secrets.scrub("asked-in-code seen-by-nobody") == "[secret:TOKEN] seen-by-nobody"
