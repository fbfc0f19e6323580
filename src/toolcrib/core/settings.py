"""What `toolcrib.yaml` may say: settings of the process, read once when it starts."""

import os
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from toolcrib.core.policies import Seconds


class ServerSettings(BaseModel):
    """Where `toolcrib serve` and `toolcrib dev` listen.

    Attributes:
        host: address to bind to; `0.0.0.0` opens it to the network.
        port: TCP port; 0 takes any free one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 2024


class WatchSettings(BaseModel):
    """How changes of the project's files are noticed.

    Attributes:
        debounce_s: seconds of quiet before a change is deployed, so that one save is one deployment.
        poll_s: seconds between two looks at all files, for changes the operating system did not tell of.
        force_polling: never ask the operating system, only look; for network drives and some containers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    debounce_s: Seconds = 0.02
    poll_s: Seconds = 2.0
    force_polling: bool = False


class VerifySettings(BaseModel):
    """How a candidate is tried out before it may serve.

    Attributes:
        timeout_s: seconds for loading the whole candidate in its own process.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout_s: Seconds = 30.0


class ThreadsSettings(BaseModel):
    """Worker threads for tools written as `def`.

    Attributes:
        workers: how many such tools can run at the same time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: Annotated[int, Field(ge=1, le=1_000)] = 16


class ProcessesSettings(BaseModel):
    """Worker processes for tools with `isolation: process`.

    Attributes:
        workers: how many such tools can run at the same time; by default one for each processor, at least two.
        memory_mb: memory of each worker; a tool that wants more fails with `tool_crashed`.
        calls_per_worker: a worker is replaced after so many calls, so that leaks do not add up.
        result_mb: how large the arguments or the result of one call may be, as JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: Annotated[int, Field(ge=1, le=1_000)] = Field(default_factory=lambda: max(2, os.cpu_count() or 2))
    memory_mb: Annotated[int, Field(ge=256, le=1_048_576)] = 2048
    calls_per_worker: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    result_mb: Annotated[int, Field(ge=1, le=200)] = 32


class RunsSettings(BaseModel):
    """Runs of agents.

    Attributes:
        concurrency: how many runs go on at the same time; further ones wait.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 64


class CacheSettings(BaseModel):
    """Results of tools with a `cache` policy, kept in memory.

    Attributes:
        max_mb: how much memory they may take, in MiB; the least recently used give way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_mb: Annotated[int, Field(ge=1, le=1_000_000)] = 64


class TasksSettings(BaseModel):
    """Background tasks.

    Attributes:
        workers: how many tasks run at the same time in one process.
        queue: how many tasks may wait; further ones are refused.
        ttl_s: seconds for which a task and its result are kept after its end, unless it is submitted with its own.
        lease_s: seconds after which a task whose process died is taken over by another one, or after a restart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: Annotated[int, Field(ge=1, le=1_000)] = 4
    queue: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    ttl_s: Seconds = 3600.0
    lease_s: Annotated[float, Field(ge=1, le=3_600, allow_inf_nan=False)] = 15.0


class Settings(BaseModel):
    """Everything `toolcrib.yaml` may hold; what is not written has the default shown here.

    Attributes:
        server: where the server listens.
        watch: how changes of files are noticed.
        verify: how a candidate is tried out.
        threads: worker threads for `def` tools.
        processes: worker processes for tools with `isolation: process`.
        runs: how many runs at once.
        cache: how much memory kept results may take.
        tasks: how many background tasks at once, and how many may wait.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: ServerSettings = ServerSettings()
    watch: WatchSettings = WatchSettings()
    verify: VerifySettings = VerifySettings()
    threads: ThreadsSettings = ThreadsSettings()
    processes: ProcessesSettings = Field(default_factory=ProcessesSettings)
    runs: RunsSettings = RunsSettings()
    cache: CacheSettings = CacheSettings()
    tasks: TasksSettings = TasksSettings()
