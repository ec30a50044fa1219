"""Why a message did not leave, so that a caller knows what to do without knowing the way it was to take.

    NotSent
        Unreachable         nobody's message would leave now: server down, log-in refused. Try again, don't count it
        Busy                not now; `retry_after` when the limit is known
        Refused             final: the same message will be refused again
            BadAddress      final, and nothing will ever reach this address

Messages carry the other side's words with digits blotted out.
"""

import re
from datetime import timedelta


class NotSent(Exception):
    """`code` is the other side's own, empty if it gave none."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(f"{code} {blotted(text)}".strip()[:300])
        self.code = code


class Unreachable(NotSent):
    pass


class Busy(NotSent):
    def __init__(self, text: str, code: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(text, code)
        self.retry_after = retry_after


class Refused(NotSent):
    pass


class BadAddress(Refused):
    pass


def blotted(text: str) -> str:
    """Servers quote addresses and telephone numbers; none of them goes further."""
    return re.sub(r"[^\s<>,;:\"']+@[^\s<>,;:\"']+|\d{5,}", "…", text)
