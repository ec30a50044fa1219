"""What helps to judge a case: successors of parts, and what cured the same fault before (policy 1.3.2, 2.2.1)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    """How a part did where it was fitted: it cured the fault `solved` times of `tried`."""

    solved: int = 0
    tried: int = 0

    @property
    def chance(self) -> float:
        """How likely it cures the fault the next time; one try more or less weighs little after many."""
        return (self.solved + 1) / (self.tried + 2)


def successor(part: str, superseded_by: Mapping[str, str | None]) -> str | None:
    """The part that takes the place of a superseded one today, at the end of the chain; None if it stands itself.

    Raises ValueError where the chain leads back to itself.
    """
    seen, current = {part}, superseded_by.get(part)
    while current is not None and (following := superseded_by.get(current)):
        seen.add(current)
        if following in seen:
            raise ValueError(f"part {part} is superseded in a circle")
        current = following
    return current


def most_probable(parts: Iterable[str], records: Mapping[str, Record]) -> list[str]:
    """The parts that cured the fault most often first; those that nobody tried stand between cures and failures."""
    return sorted(parts, key=lambda part: (-records.get(part, Record()).chance, part))
