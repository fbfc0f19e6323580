"""What every task store checks and makes, however it stores."""

from dataclasses import replace

from toolcrib.core.errors import Conflict, QueueFull, TaskNotFound
from toolcrib.core.tasks import TASK_MOVES, TaskRecord, TaskState


def check_move(record: TaskRecord, was: TaskState) -> None:
    """Refuse what the table of legal moves does not have.

    Raises:
        Conflict: it is no legal move.
    """
    if record.state not in TASK_MOVES[was]:
        raise Conflict(f"A task that is {was} cannot become {record.state}.")


def check_same_call(asked: TaskRecord, known: TaskRecord) -> None:
    """Refuse a key that was used for something else.

    Raises:
        Conflict: another tool, or other arguments.
    """
    if (asked.tool, asked.args) != (known.tool, known.args):
        raise Conflict(
            f"The key {asked.key!r} belongs to task {known.id}, which calls {known.tool!r} otherwise.",
            hint="Use a key of its own for each call.",
        )


def skipped(record: TaskRecord, end: TaskRecord) -> TaskRecord:
    """A waiting task of a batch, skipped because `end` failed."""
    at = end.finished_at or 0.0
    why = f"skipped: task {end.id} of its batch is {end.state}"
    return replace(record, state="skipped", finished_at=at, expires_at=at + record.ttl_s, error=why)


def queue_full(queue: int) -> QueueFull:
    """The refusal of tasks when `queue` of them may wait."""
    return QueueFull(
        f"No more than {queue} tasks may wait.", hint="Submit again later, or raise `tasks.queue` in toolcrib.yaml."
    )


def no_task(task_id: str) -> TaskNotFound:
    """There is no such task."""
    return TaskNotFound(
        f"There is no task {task_id!r}.",
        hint="`toolcrib tasks` lists what there is; a task expires some time after its end.",
    )


def overtaken(record: TaskRecord, was: TaskState) -> Conflict:
    """Somebody else moved the task."""
    return Conflict(f"Task {record.id} is no longer {was}.", hint="Look at its state and decide anew.")
