"""Whether two reports speak of the same fault (policy 2.1.2)."""

from collections import Counter
from dataclasses import dataclass

from domain.policy import DuplicateRules


@dataclass(frozen=True)
class Complaint:
    """A fault as it was reported: a code of the fault tree, if one was chosen, and words."""

    code: str | None
    text: str


def same_fault(one: Complaint, other: Complaint, rules: DuplicateRules) -> bool:
    """Whether the codes are the same or one lies below the other in the tree, or the words are much alike."""
    if one.code and other.code and _below(one.code, other.code):
        return True
    return likeness(one.text, other.text) >= rules.likeness


def likeness(one: str, other: str) -> float:
    """How alike two texts are, from 0 to 1: the share of their pairs of neighbouring signs that both have.

    Works for Chinese, which has no spaces, as for English; case, spaces and punctuation do not count.
    """
    ours, theirs = _pairs(one), _pairs(other)
    both = (ours & theirs).total()
    return 2 * both / total if (total := ours.total() + theirs.total()) else 0.0


def _below(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return f"{long}.".startswith(f"{short}.")


def _pairs(text: str) -> Counter[str]:
    signs = "".join(sign for sign in text.lower() if sign.isalnum())
    return Counter(signs[at : at + 2] for at in range(max(len(signs) - 1, 1))) if signs else Counter()
