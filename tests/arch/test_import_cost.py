"""Importing the package costs next to nothing; asking the command line for help loads no framework."""

import subprocess
import sys

FRAMEWORKS = (
    *("fastapi", "langchain", "langchain_core", "langgraph", "prometheus_client", "rich", "ruamel", "sqlalchemy"),
    *("starlette", "structlog", "typer", "uvicorn", "watchfiles"),
)
HELP_LOADS_NONE_OF = (
    *("fastapi", "langchain", "langchain_core", "langgraph", "prometheus_client", "sqlalchemy", "structlog"),
)

IMPORT = """
import sys
import toolcrib
print(*sorted(set({frameworks!r}) & set(sys.modules)))
"""

HELP = """
import runpy, sys
sys.argv = ["toolcrib", "--help"]
try:
    runpy.run_module("toolcrib", run_name="__main__")
except SystemExit as stop:
    assert not stop.code, stop.code
sys.stderr.write(" ".join(sorted(set({frameworks!r}) & set(sys.modules))))
"""

# Everything a module of ours could read or open while it is imported, except Python files. pydantic comes first: what
# it reads is its own affair.
QUIET = """
import os, sys
import pydantic
import pydantic_core

class Watched(dict):
    def __getitem__(self, name):
        print("reads", name)
        return super().__getitem__(name)

    def get(self, name, default=None):
        print("reads", name)
        return super().get(name, default)

def watch(event, args):
    if event == "open" and not str(args[0]).endswith((".py", ".pyc")) and ".pyc." not in str(args[0]):
        print("opens", args[0])
    if event.startswith(("socket.", "sqlite3.", "subprocess.")) or event == "_thread.start_new_thread":
        print(event)

os.environ = Watched(os.environ)
os.getenv = os.environ.get
sys.addaudithook(watch)
import toolcrib
"""


def fresh(program: str) -> subprocess.CompletedProcess[str]:
    """Runs a program in a Python of its own."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)


def test_import_of_the_package_loads_no_framework() -> None:
    assert fresh(IMPORT.format(frameworks=FRAMEWORKS)).stdout.split() == []


def test_import_of_the_package_reads_no_environment_and_opens_nothing() -> None:
    assert fresh(QUIET).stdout.splitlines() == []


def test_help_of_the_command_line_loads_no_heavy_framework() -> None:
    answer = fresh(HELP.format(frameworks=HELP_LOADS_NONE_OF))
    assert "Usage" in answer.stdout
    assert answer.stderr.split() == []
