"""The files under `migrations/`: one chain for each agent, and every mistake with its place."""

from textwrap import dedent

import pytest

from tests.unit.loader.projects import Project

AGENTS = "agents:\n  desk: {model: offline, prompt: Help.}\n  shop: {model: offline, prompt: Help.}\n"
UP = "def up(state):\n    return state\n"


def load(project: Project, **files: str) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """The revisions of each agent, and the places and messages of what is wrong."""
    written = {f"migrations/{name}.py": dedent(text) for name, text in files.items()}
    loaded, reasons = project.load({"agents.yaml": AGENTS, **written})
    assert all(one.code in ("migration", "import") for one in reasons)
    chains = loaded.migrations if loaded else {}
    told = [(one.place.rpartition(":")[0], one.message) for one in reasons]
    return {agent: [one.revision for one in chain] for agent, chain in chains.items()}, told


def test_files_become_one_chain_for_each_agent_whatever_they_are_called(project: Project) -> None:
    chains, told = load(
        project,
        a_third=f'agent = "desk"\nreplaces = "second"\n{UP}',
        z_first='agent = "desk"\nnodes = {"a": "b"}\n',
        m_second=f'agent = "desk"\nrevision = "second"\nreplaces = "z_first"\n{UP}',
        other=f'agent = "shop"\n{UP}',
        _helper="raise SystemExit\n",
    )
    assert (chains, told) == ({"desk": ["z_first", "second", "a_third"], "shop": ["other"]}, [])


def test_a_migration_may_import_what_the_project_has(project: Project) -> None:
    files = {"agents.yaml": AGENTS, "migrations/_words.py": "WORD = 'x'\n"}
    files["migrations/m1.py"] = dedent("""
        from migrations._words import WORD
        agent = "desk"
        def up(state):
            return state | {"word": WORD}
    """)
    loaded, reasons = project.load(files)
    assert loaded is not None, reasons
    (migration,) = loaded.migrations["desk"]
    assert migration.up is not None
    assert migration.up({}) == {"word": "x"}
    assert (migration.file, migration.line, migration.reversible) == ("migrations/m1.py", 4, False)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (UP, "migrations/m.py:1", "the migration says no 'agent'"),
        (f'agent = "dsk"\n{UP}', "migrations/m.py:1", "there is no agent 'dsk'"),
        (f"agent = 5\n{UP}", "migrations/m.py:1", "'agent' must be a text, not int"),
        ('agent = "desk"\n', "migrations/m.py:1", "the migration changes nothing: it has neither `up` nor `nodes`"),
        (f'agent = "desk"\n{UP}\nnodes = ["a"]\n', "migrations/m.py:5", "`nodes` must be a mapping of texts"),
        (
            'agent = "desk"\nnodes = {"a": "c", "b": "c"}\n',
            "migrations/m.py:2",
            "two nodes become the same one: there would be no way back",
        ),
        ('agent = "desk"\nup = 5\n', "migrations/m.py:2", "`up` must be a function, not int"),
        (
            'agent = "desk"\nasync def up(state):\n    return state\n',
            "migrations/m.py:2",
            "`up` must be a plain function: it only changes what it is given",
        ),
        (
            f'agent = "desk"\n{UP}\ndef down():\n    return {{}}\n',
            "migrations/m.py:5",
            "`down` is called with the state alone: too many positional arguments",
        ),
        (f'agent = "desk"\n{UP}\n1 / 0\n', "migrations/m.py:5", "ZeroDivisionError: division by zero"),
        (
            f'agent = "desk"\nreplaces = "gone"\n{UP}',
            "migrations/m.py:2",
            "migration 'm' replaces 'gone', which is not there",
        ),
    ],
)
def test_a_mistake_has_its_place(project: Project, text: str, place: str, message: str) -> None:
    chains, told = load(project, m=text)
    assert chains == {}
    assert (place, message) in [(where.partition(":")[0] + ":" + where.split(":")[1], said) for where, said in told]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a": "", "b": ""}, "two migrations of agent 'desk' are the first: this one and migrations/a.py"),
        (
            {"a": "", "b": 'replaces = "a"\n', "c": 'replaces = "a"\n'},
            "two migrations of agent 'desk' come after 'a': this one and migrations/b.py",
        ),
        (
            {"a": 'revision = "x"\n', "b": 'revision = "x"\nreplaces = "x"\n'},
            "revision 'x' of agent 'desk' is there twice: here and in migrations/a.py",
        ),
        ({"a": 'replaces = "b"\n', "b": 'replaces = "a"\n'}, "none of the migrations of agent 'desk' is the first"),
        ({"a": "", "b": 'replaces = "c"\n', "c": 'replaces = "b"\n'}, "'b' and 'c' replace each other in a circle"),
    ],
)
def test_a_chain_has_neither_gaps_nor_branches(project: Project, files: dict[str, str], message: str) -> None:
    chains, told = load(project, **{name: f'agent = "desk"\n{text}{UP}' for name, text in files.items()})
    assert chains == {}
    assert message in [said for _, said in told]
