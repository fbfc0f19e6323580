"""Paths in the folders of tenants: `tenants/acme/prompts/a.md` is `prompts/a.md`, for acme."""

from collections.abc import Iterable, Mapping

TENANTS = "tenants"


def tenant_of(path: str) -> str:
    """The tenant whose overlay a file belongs to; empty for the project's own files."""
    folder, _, rest = path.partition("/")
    tenant, below, _ = rest.partition("/")
    return tenant if folder == TENANTS and below else ""


def inner_path(path: str) -> str:
    """The path as it would be in the project's own tree."""
    return path.split("/", 2)[2] if tenant_of(path) else path


def overlaid(paths: Iterable[str], tenant: str) -> Mapping[str, str]:
    """The tree as this tenant has it: path -> path of the file that stands there."""
    found: dict[str, str] = {}
    own: dict[str, str] = {}
    for path in paths:
        owner = tenant_of(path)
        if owner == tenant and owner:
            own[inner_path(path)] = path
        elif not owner:
            found[path] = path
    return found | own
