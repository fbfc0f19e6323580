"""The peers' server: one process, a tools module, runs of two steps with a wait; reloaded by uvicorn or in place.

With TOOLCRIB_BENCH_INPLACE=1 it watches its folder and does `importlib.reload`, as published tutorials do; without it
`uvicorn --reload` restarts the whole process.
"""

import asyncio
import importlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numbers_tool
from fastapi import FastAPI
from watchfiles import awatch

LOG = Path(os.environ["TOOLCRIB_BENCH_LOG"])


async def reload_in_place() -> None:
    """The naive reloader: reload on every event, whatever is in the file."""
    async for _ in awatch(Path(numbers_tool.__file__).parent, debounce=50, step=10):
        try:
            importlib.reload(numbers_tool)
        except Exception as error:  # noqa: BLE001 - what tutorials do
            print("reload failed:", error)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Start the watcher when asked to."""
    task = asyncio.create_task(reload_in_place()) if os.environ.get("TOOLCRIB_BENCH_INPLACE") else None
    yield
    if task:
        task.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/version")
async def version() -> int:
    """The number the code says now."""
    return int(await numbers_tool.first())


@app.post("/runs/{run_id}")
async def run(run_id: str, wait_s: float = 1.0) -> list[int]:
    """A run: a side effect, the first tool, a wait, the second tool."""
    with LOG.open("a") as log:  # noqa: ASYNC230 - one short line
        log.write(f"{run_id}\n")
    first = await numbers_tool.first()
    await asyncio.sleep(wait_s)
    return [first, await numbers_tool.second()]
