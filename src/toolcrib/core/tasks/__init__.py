"""Background tasks: what is known of one, how it may move, and where it is kept."""

from toolcrib.core.tasks.record import ENDED, TASK_MOVES, TaskBatch, TaskRecord, TaskState
from toolcrib.core.tasks.store import Claim, TaskStore

__all__ = ["ENDED", "TASK_MOVES", "Claim", "TaskBatch", "TaskRecord", "TaskState", "TaskStore"]
