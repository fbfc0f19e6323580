"""`toolcrib demo`: six scenes on the bundled example, told by a real server."""

from toolcrib.cli.demo.command import demo

__all__ = ["demo"]
