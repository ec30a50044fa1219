"""What blew up is left alone for a while, so that it holds up nothing that comes after it."""

from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from typing import Final, Generic, TypeVar

from temporalio import activity
from temporalio.service import RPCError

from database.session import unreachable

K = TypeVar("K", bound=Hashable)

REST: Final = timedelta(seconds=30)


class Setbacks(Generic[K]):
    """What one worker must leave alone for now, by its number."""

    def __init__(self, rest: timedelta = REST) -> None:
        self._rest = rest.total_seconds()
        self._until: dict[K, float] = {}

    def left_alone(self) -> list[K]:
        now = monotonic()
        self._until = {number: until for number, until in self._until.items() if until > now}
        return [*self._until]

    @contextmanager
    def over(self, number: K) -> Iterator[None]:
        """What blows up in here is logged and left alone; what is nobody's fault is raised."""
        try:
            yield
        except Exception as error:
            if _nobodys_fault(error):
                raise
            activity.logger.exception("%s is left alone for a while", number)
            self._until[number] = monotonic() + self._rest

    async def apart(self, numbers: Sequence[K], work: Callable[[Sequence[K]], Awaitable[bool]]) -> bool:
        """Does them all at once and says what that says; if it blows up, does each for itself."""
        try:
            return await work(numbers)
        except Exception as error:
            if _nobodys_fault(error):
                raise
        for number in numbers:
            with self.over(number):
                await work([number])
        return True


def _nobodys_fault(error: Exception) -> bool:
    """Whether the database or Temporal could not be reached."""
    return unreachable(error) or isinstance(error, RPCError)
