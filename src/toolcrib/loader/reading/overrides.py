"""What `tools.yaml` says of one tool."""

import re

from pydantic import field_validator

from toolcrib.core.policies import ToolPolicy


class ScopedOverride(ToolPolicy):
    """What an agent or a tenant has otherwise: fields of the tool's policy; only those written override.

    Attributes:
        enabled: false takes the tool away, true gives back what a weaker word took away.
    """

    enabled: bool = True


class ToolOverride(ScopedOverride):
    """One entry under `tools:` of `tools.yaml`, for all callers.

    Attributes:
        rename: the name models and callers know it by; everywhere but here it goes by this name.
        sensitive: arguments that must not be shown, as dotted paths (`card`, `address.street`), beside those that are
            annotated so.
    """

    rename: str = ""
    sensitive: tuple[str, ...] = ()

    @field_validator("rename")
    @classmethod
    def _is_name(cls, name: str) -> str:
        if name and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", name):
            raise ValueError("a name begins with a letter and has letters, digits, '_' and '-', at most 64 in all")
        return name
