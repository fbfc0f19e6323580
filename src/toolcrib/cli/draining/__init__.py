"""`toolcrib releases --users`, `drain`, `gc`, and `toolcrib runs resume`."""

from toolcrib.cli.draining.commands import collect, drain, resume, show_users
from toolcrib.cli.draining.options import CooperativeOption, DeadlineOption, HardOption, KeepOption

__all__ = [
    "CooperativeOption",
    "DeadlineOption",
    "HardOption",
    "KeepOption",
    "collect",
    "drain",
    "resume",
    "show_users",
]
