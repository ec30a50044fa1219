"""The life of a corrective action: what a supplier with quality problems must put right, and by when (policy 3.1.3)."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from domain.stages import Action, Life, Role, Rule


class Standing(StrEnum):
    """How a supplier stands with us, the best first."""

    QUALIFIED = "qualified"
    WARNED = "warned"
    SUSPENDED = "suspended"
    DROPPED = "dropped"

    @property
    def supplies(self) -> bool:
        """Whether it gets orders."""
        return self in (Standing.QUALIFIED, Standing.WARNED)

    @property
    def rank(self) -> int:
        """0 for the best."""
        return list(Standing).index(self)

    @property
    def worse(self) -> "Standing":
        """The next worse one; the worst stays."""
        return list(Standing)[min(self.rank + 1, len(Standing) - 1)]


class ChangedBecause(StrEnum):
    """Why a standing changed."""

    REVIEW = "review"
    DECISION = "decision"
    OVERDUE = "overdue"
    VERIFIED = "verified"
    RELEASED = "released"


class CorrectiveStage(StrEnum):
    PROPOSED = "proposed"
    DEMANDED = "demanded"
    CARRYING_OUT = "carrying_out"
    VERIFICATION = "verification"
    RELEASE = "release"
    CORRECTED = "corrected"
    DISMISSED = "dismissed"
    DROPPED = "dropped"


CORRECTIVE_ENDS: Final = frozenset({CorrectiveStage.CORRECTED, CorrectiveStage.DISMISSED, CorrectiveStage.DROPPED})
CORRECTIVE_OPEN: Final = tuple(stage for stage in CorrectiveStage if stage not in CORRECTIVE_ENDS)

_C = CorrectiveStage
WHERE_DISMISSED: Final[Mapping[CorrectiveStage, CorrectiveStage]] = MappingProxyType(
    {
        _C.DEMANDED: _C.DEMANDED,
        _C.CARRYING_OUT: _C.CARRYING_OUT,
        _C.VERIFICATION: _C.VERIFICATION,
        _C.RELEASE: _C.VERIFICATION,
    }
)
"""Where a corrective action goes on, by where it stood when a worse review came that was dismissed; evidence that had
been verified is looked at once more."""

_BUYER, _SUPPLIER, _SUPERVISOR, _SYSTEM = Role.BUYER, Role.SUPPLIER, Role.SUPERVISOR, Role.SYSTEM


def _rule(moves: Mapping[Any, StrEnum], *by: Role) -> Rule:
    return Rule(MappingProxyType(dict(moves)), frozenset(by))


def _stays(*stages: CorrectiveStage) -> dict[CorrectiveStage, CorrectiveStage]:
    return {stage: stage for stage in stages}


_OWED = (_C.DEMANDED, _C.CARRYING_OUT)
"""Where the supplier is owing something."""

CORRECTIVE_RULES: Final[Mapping[Action, Rule]] = MappingProxyType(
    {
        # what a review proposes and no rule of the policy carries out by itself
        Action.IMPOSE: _rule({_C.PROPOSED: _C.DEMANDED}, _SUPERVISOR),
        Action.DISMISS: _rule({_C.PROPOSED: _C.DISMISSED}, _SUPERVISOR),
        # what the supplier will do, and that it was done
        Action.ANSWER_DEMAND: _rule({_C.DEMANDED: _C.CARRYING_OUT}, _SUPPLIER, _BUYER),
        Action.SUBMIT_EVIDENCE: _rule({_C.CARRYING_OUT: _C.VERIFICATION}, _SUPPLIER, _BUYER),
        Action.WORSEN: _rule(_stays(*_OWED), _SUPERVISOR, _SYSTEM),
        # a later review is worse than what it is about: it is about that now
        Action.REVIEWED_WORSE: _rule(dict.fromkeys(CORRECTIVE_OPEN, _C.PROPOSED), _SYSTEM),
        # two people: one verifies, another releases a supplier that was suspended
        Action.VERIFY: _rule({_C.VERIFICATION: _C.CORRECTED}, _BUYER, _SUPERVISOR),
        Action.REJECT_EVIDENCE: _rule(
            dict.fromkeys((_C.VERIFICATION, _C.RELEASE), _C.CARRYING_OUT), _BUYER, _SUPERVISOR
        ),
        Action.RELEASE: _rule({_C.RELEASE: _C.CORRECTED}, _SUPERVISOR),
        Action.MOVE_DUE: _rule(_stays(*CORRECTIVE_OPEN), _SUPERVISOR),
        Action.REMIND: _rule(_stays(*CORRECTIVE_OPEN), _SYSTEM),
        Action.ESCALATE: _rule(_stays(*CORRECTIVE_OPEN), _SYSTEM),
    }
)

CORRECTIVE: Final = Life(
    CorrectiveStage,
    CORRECTIVE_RULES,
    frozenset(CORRECTIVE_ENDS),
    MappingProxyType(
        {
            _C.PROPOSED: dict.fromkeys((_C.DEMANDED, _C.DROPPED), "the policy puts it into effect by itself"),
            _C.DISMISSED: dict.fromkeys(WHERE_DISMISSED.values(), "it was demanded before"),
            _C.DEMANDED: {_C.DROPPED: "the supplier is dropped"},
            _C.CARRYING_OUT: {_C.DROPPED: "the supplier is dropped"},
            _C.CORRECTED: {_C.RELEASE: "the supplier was suspended"},
        }
    ),
)
