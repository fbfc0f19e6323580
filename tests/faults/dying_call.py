"""A process that makes one journaled call and may be killed on the way; for `test_journal`.

Arguments: database, file the tool appends to, and where to die: `before begin`, `after begin`, `after the effect`,
`after finish`, or `nowhere`. Prints the result as JSON.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from tests.support import Bench
from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.chain import CallNext
from toolcrib.core.ports import JournalEntry
from toolcrib.core.releases import Manifest
from toolcrib.core.results import ToolResult
from toolcrib.execution.chain import build_chain
from toolcrib.registry.release import Release
from toolcrib.stores.sql.database import open_sqlite
from toolcrib.stores.sql.journal import SqlJournal
from toolcrib.testing import make_tool

DATABASE, EFFECTS, DIE = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]


def may_die(here: str) -> None:
    if here == DIE:
        os.kill(os.getpid(), signal.SIGKILL)


class DyingJournal(SqlJournal):
    """The real journal, with a process that may die around its writes."""

    async def begin(self, entry: JournalEntry) -> JournalEntry | None:
        may_die("before begin")
        known = await super().begin(entry)
        may_die("after begin")
        return known

    async def finish(self, key: str, result: ToolResult) -> None:
        await super().finish(key, result)
        may_die("after finish")


def pay() -> str:
    with EFFECTS.open("a") as file:
        file.write("paid\n")
    may_die("after the effect")
    return "paid"


async def main() -> None:
    async with open_sqlite(DATABASE) as engine:
        bench = Bench(journal=DyingJournal(engine))
        tool, chains = make_tool(pay), dict[str, CallNext]()
        release = Release(id="r-1", manifest=Manifest(digest="1", files={}), tools={"pay": tool}, chains=chains)
        chains["pay"] = build_chain(tool, release=release, ports=bench.ports)
        result = await bench.executor.call(release, ToolCall(name="pay", idempotency_key="k"), CallContext())
    sys.stdout.write(json.dumps(result.to_dict()))


asyncio.run(main())
