"""What the carrier test server does wrong, on request."""

from collections import Counter
from enum import StrEnum

from pydantic import BaseModel, Field


class FaultKind(StrEnum):
    HTML = "html"  # a proxy's page with status 502
    CODE = "code"  # a refusal with the carrier's `code`
    LOST = "lost"  # the call has its effect, the answer comes `seconds` late
    SHUFFLED = "shuffled"  # the scans out of order, each three times
    MANGLED = "mangled"  # a push with a wrong signature


class Fault(BaseModel):
    """`endpoint` is query, subscribe, order, cancel, interceptOrder, price, time, image or callback."""

    kind: FaultKind
    endpoint: str
    times: int = Field(1, ge=1)
    code: str = ""
    message: str = ""
    seconds: float = 0


class Faults:
    """Those still to come, and how often each endpoint was called."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.coming: list[Fault] = []

    def called(self, endpoint: str) -> Fault | None:
        """Count a call and take the fault that is meant for it."""
        self.calls[endpoint] += 1
        for fault in self.coming:
            if fault.endpoint == endpoint:
                fault.times -= 1
                if fault.times == 0:
                    self.coming.remove(fault)
                return fault
        return None
