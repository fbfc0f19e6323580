"""What a tool may raise, and what of it can be handed to its caller."""


def speakable(raised: BaseException) -> Exception:
    """`raised`, or a stand-in for what no future and no task can carry without ending the event loop.

    Those are StopIteration, SystemExit, KeyboardInterrupt and whatever else is no `Exception`.
    """
    if isinstance(raised, Exception) and not isinstance(raised, StopIteration):
        return raised
    error = RuntimeError(f"{type(raised).__name__}: {raised}".rstrip(": "))
    error.__cause__ = raised
    return error
