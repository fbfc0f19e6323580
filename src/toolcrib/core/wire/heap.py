"""What the C library keeps of freed memory, given back to the system; see malloc_trim(3)."""

import ctypes


def give_back() -> None:
    """Hand unused pages back; takes some milliseconds, without the interpreter's lock.

    The library keeps an arena for each thread that ever allocated beside others, and each grows to its own peak. Does
    nothing where the library has no such function.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
