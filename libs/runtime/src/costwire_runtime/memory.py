"""Which memory the C library keeps: that of one arena, which all threads share."""

import ctypes
import sys

_ARENA_MAX = -8  # of glibc's malloc.h


def share_one_arena() -> None:
    """Have threads share an arena; to be called before there are any.

    With an arena for each, glibc keeps what each of them once needed: the more threads have
    answered a request, the more.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_ARENA_MAX, 1)
