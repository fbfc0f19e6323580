"""How calls and runs ended, in one word: what metrics and logs call their outcome."""

from toolcrib.core.results import RunResult, ToolResult


def call_outcome(result: ToolResult) -> str:
    """`ok`, `cached` (the value came from the result cache) or the error's code."""
    if result.error is not None:
        return result.error.code
    return "cached" if result.cached else "ok"


def run_outcome(result: RunResult) -> str:
    """`ok`, `cached` (from the answer cache), `interrupted` (waits for a human) or the error's code."""
    if result.error is not None:
        return result.error.code
    if result.interrupts:
        return "interrupted"
    return "cached" if result.from_cache else "ok"
