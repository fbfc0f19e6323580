"""The built-in tools by name.

Each is a decorated function in a file of its own, as a project would write it. What it needs of toolcrib itself it asks
for by annotation, `Annotated[ArtifactStore, Port("artifacts")]`; keys and clients come as to a project's own tools, by
`Secret` and `Resource`. Its `isolation` and `output` are written down, so that no `defaults` of a project change them.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from toolcrib.tools.builtin.read_artifact import read_artifact

BUILTIN: Mapping[str, Callable[..., Any]] = MappingProxyType({tool.__name__: tool for tool in (read_artifact,)})
