"""Background tasks: what is known of one, how it may move, and where it is kept."""

from toolcrib.core.tasks.record import ENDED, TASK_MOVES, Decision, TaskBatch, TaskRecord, TaskState
from toolcrib.core.tasks.store import Claim, TaskStore

__all__ = ["ENDED", "TASK_MOVES", "Claim", "Decision", "TaskBatch", "TaskRecord", "TaskState", "TaskStore"]
