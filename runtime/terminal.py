"""The terminal in which a person runs the system."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def foreground() -> Iterator[None]:
    """Lets Ctrl-C reach this process alone, as a shell does for each of its jobs.

    Under `make` the terminal would interrupt make as well, which then fails whatever our exit code is.
    Without a terminal, or as the first of its job, the process is left as it is.
    """
    ours = os.getpgrp()
    if not sys.stdin.isatty() or ours == os.getpid() or os.tcgetpgrp(0) != ours:
        yield
        return
    kept = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTTOU, signal.SIGTSTP)}
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpgrp())
    try:
        yield
    finally:
        os.tcsetpgrp(0, ours)
        os.setpgid(0, ours)
        for number, handler in kept.items():
            signal.signal(number, handler)
