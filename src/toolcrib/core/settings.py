"""What `toolcrib.yaml` may say: settings of the process, read once when it starts."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from toolcrib.core.policies import Seconds
from toolcrib.core.policies.units import Count
from toolcrib.core.releases import Acceptable

BakeSeconds = Annotated[float, Field(ge=0, le=2_592_000, allow_inf_nan=False)]
MinSamples = Annotated[int, Field(ge=1, le=1_000_000)]


class ServerSettings(BaseModel):
    """Where `toolcrib serve` and `toolcrib dev` listen.

    Attributes:
        host: address to bind to; `0.0.0.0` opens it to the network.
        port: TCP port; 0 takes any free one.
        drain_s: seconds that what is in flight may still take when a signal stops the server. After half of them runs
            are asked to stop before their next step, at the end what is left is cut; both go on after the restart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 2024
    drain_s: Annotated[float, Field(ge=0, le=3_600, allow_inf_nan=False)] = 10.0


class WatchSettings(BaseModel):
    """How changes of the project's files are noticed.

    Attributes:
        debounce_s: seconds of quiet before a change is deployed, so that one save is one deployment; up to 25 times as
            long when many files change.
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
        timeout_s: seconds for loading the whole candidate in its own process and trying its examples.
        examples: which tools' examples are tried: `read` those of tools that change nothing (`side_effect` none or
            read), `all` the others too, `skip` none, and no selftests either.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout_s: Seconds = 30.0
    examples: Literal["read", "all", "skip"] = "read"


class GateSettings(BaseModel):
    """What the gate lets pass without being asked each time.

    Attributes:
        accept: `permissions` takes releases that lower the guards of a tool or an agent, with a warning; `stranded`
            those that threads which wait cannot come to, and holds these where they are.
        rehearse: so many threads of each candidate with migrations are migrated in memory first, those that wait before
            the others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    accept: tuple[Acceptable, ...] = ()
    rehearse: Annotated[int, Field(ge=0, le=10_000)] = 20


class CallsSettings(BaseModel):
    """Calls of all tools together, in one process. Without `concurrency` and `per_tenant` there is no limit.

    Attributes:
        concurrency: how many calls may run at the same time; further ones wait by priority, then by age.
        per_tenant: how many of these may be one tenant's; those that wait for their tool's turn count too.
        queue: how many calls may wait for `concurrency`, and of each tenant for `per_tenant`; one more is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    concurrency: Count | None = None
    per_tenant: Count | None = None
    queue: Annotated[int, Field(ge=0, le=1_000_000)] = 1000


class ThreadsSettings(BaseModel):
    """Worker threads for tools written as `def`; started when they are needed.

    Attributes:
        workers: how many such tools can run at the same time.
        min_workers: so many threads, once started, stay; never more than `workers`.
        idle_s: further ones end after so many seconds without work.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: Annotated[int, Field(ge=1, le=1_000)] = 16
    min_workers: Annotated[int, Field(ge=0, le=1_000)] = 2
    idle_s: Seconds = 30.0


class ProcessesSettings(BaseModel):
    """Worker processes for tools with `isolation: process`; started when they are needed.

    Attributes:
        workers: how many such tools can run at the same time; `auto` is one for each processor this process may use,
            by its affinity and the quota of its control groups, and at least two.
        min_workers: so many processes, once started, stay; never more than `workers`.
        idle_s: further ones end after so many seconds without work.
        memory_mb: memory of each worker; a tool that wants more fails with `tool_crashed`.
        calls_per_worker: a worker is replaced after so many calls, so that leaks do not add up.
        result_mb: how large the arguments or the result of one call may be, as JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: Annotated[int, Field(ge=1, le=1_000)] | Literal["auto"] = "auto"
    min_workers: Annotated[int, Field(ge=0, le=1_000)] = 1
    idle_s: Seconds = 60.0
    memory_mb: Annotated[int, Field(ge=256, le=1_048_576)] = 2048
    calls_per_worker: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    result_mb: Annotated[int, Field(ge=1, le=200)] = 32

    @field_validator("workers", mode="before")
    @classmethod
    def _number_or_auto(cls, value: Any) -> Any:
        if isinstance(value, str) and value != "auto" and not value.isdecimal():
            raise ValueError(f"{value[:40]!r} is neither a whole number nor auto")
        return value


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


class ArtifactsSettings(BaseModel):
    """Results of tools with `output: {excess: store}`, kept whole.

    Attributes:
        max_mb: how much all of them together may take, in MiB; the oldest give way.
        ttl_s: seconds for which each is kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_mb: Annotated[int, Field(ge=1, le=1_000_000)] = 256
    ttl_s: Annotated[float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)] = 86_400.0


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


class CanarySettings(BaseModel):
    """When a canary is promoted or rolled back by itself, and when a release that serves all is taken for proven.

    Attributes:
        bake_s: seconds a canary serves its part before it may be promoted, and a release serves all before it becomes
            permanent.
        min_samples: runs or tool calls that must have ended on both sides before they are compared.
        window_s: seconds of the past that are compared, besides all since the canary began.
        max_error_rate_increase: how much larger than the stable release's the share of failures may be; 0.05 is 5
            points.
        max_latency_ratio: how many times the stable release's 95th percentile the canary's may be.
        max_cost_ratio: how many times as much a run may cost.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bake_s: BakeSeconds = 300.0
    min_samples: MinSamples = 20
    window_s: Annotated[float, Field(ge=10, le=3_600, allow_inf_nan=False)] = 300.0
    max_error_rate_increase: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.05
    max_latency_ratio: Annotated[float, Field(ge=1, le=1_000, allow_inf_nan=False)] = 1.5
    max_cost_ratio: Annotated[float, Field(ge=1, le=1_000, allow_inf_nan=False)] = 1.5


class UploadsSettings(BaseModel):
    """Projects that are sent to a server as archives.

    Attributes:
        max_mb: how large an archive may be, in MiB.
        max_unpacked_mb: how large all that is in it may be, in MiB.
        max_entries: how many files and directories it may hold.
        allow_open: take archives also on an address that others reach: something before the server asks who is there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_mb: Annotated[int, Field(ge=1, le=1_024)] = 16
    max_unpacked_mb: Annotated[int, Field(ge=1, le=4_096)] = 64
    max_entries: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    allow_open: bool = False


class ReleasesSettings(BaseModel):
    """How many releases are kept, in memory and in the store.

    Attributes:
        in_memory: so many releases at most are in memory; at the limit those that nobody uses go first, then a newcomer
            waits, then it is refused.
        memory_mb: the same when the process uses more memory than this, in MiB; null for no such limit.
        wait_s: seconds for which a newcomer waits.
        keep: the files of so many releases stay in the store, besides those of every release that is needed; older ones
            are removed once an hour. null removes nothing by itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    in_memory: Annotated[int, Field(ge=2, le=1_000)] = 8
    memory_mb: Annotated[int, Field(ge=64, le=16_777_216)] | None = None
    wait_s: Annotated[float, Field(ge=0, le=3_600, allow_inf_nan=False)] = 10.0
    keep: Annotated[int, Field(ge=1, le=1_000_000)] | None = 50


class Settings(BaseModel):
    """Everything `toolcrib.yaml` may hold; what is not written has the default shown here.

    Attributes:
        server: where the server listens.
        watch: how changes of files are noticed.
        verify: how a candidate is tried out.
        gate: what passes without being asked.
        calls: how many calls of all tools together run at once, and how many of one tenant.
        threads: worker threads for `def` tools.
        processes: worker processes for tools with `isolation: process`.
        runs: how many runs at once.
        cache: how much memory kept results may take.
        artifacts: how much room results too long for a model may take, and for how long.
        tasks: how many background tasks at once, and how many may wait.
        canary: when a canary is promoted or rolled back by itself.
        uploads: how large archives may be that are sent to a server.
        releases: how many releases are kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: ServerSettings = ServerSettings()
    watch: WatchSettings = WatchSettings()
    verify: VerifySettings = VerifySettings()
    gate: GateSettings = GateSettings()
    calls: CallsSettings = CallsSettings()
    threads: ThreadsSettings = ThreadsSettings()
    processes: ProcessesSettings = ProcessesSettings()
    runs: RunsSettings = RunsSettings()
    cache: CacheSettings = CacheSettings()
    artifacts: ArtifactsSettings = ArtifactsSettings()
    tasks: TasksSettings = TasksSettings()
    canary: CanarySettings = CanarySettings()
    uploads: UploadsSettings = UploadsSettings()
    releases: ReleasesSettings = ReleasesSettings()
