"""The life of a request for quotation (policy 3.3.1): asked, sealed until its deadline, compared, awarded.

In an emergency it is bought at once, and an auditor looks at it afterwards.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from domain.stages import Action, Life, Role, Rule


class RequestStage(StrEnum):
    BIDDING = "bidding"
    COMPARISON = "comparison"
    AFTERWARDS = "afterwards"
    AWARDED = "awarded"
    ABANDONED = "abandoned"
    LOOKED_INTO = "looked_into"


REQUEST_ENDS = frozenset({RequestStage.AWARDED, RequestStage.ABANDONED, RequestStage.LOOKED_INTO})
REQUEST_OPEN = tuple(stage for stage in RequestStage if stage not in REQUEST_ENDS)

SEALED = frozenset({Action.BID})
"""What is said with these is nobody's to read before the deadline, and no log's ever."""


def _rule(moves: Mapping[Any, StrEnum], *by: Role) -> Rule:
    return Rule(MappingProxyType(dict(moves)), frozenset(by))


_R = RequestStage
_BIDDING, _STAYS = {_R.BIDDING: _R.BIDDING}, {stage: stage for stage in REQUEST_OPEN}

REQUEST_RULES: Mapping[Action, Rule] = MappingProxyType(
    {
        Action.BID: _rule(_BIDDING, Role.SUPPLIER, Role.BUYER),
        Action.NO_BID: _rule(_BIDDING, Role.SUPPLIER, Role.BUYER),
        Action.OPEN_BIDS: _rule({_R.BIDDING: _R.COMPARISON}, Role.BUYER, Role.SYSTEM),
        Action.AWARD: _rule({_R.COMPARISON: _R.AWARDED}, Role.BUYER),
        Action.ABANDON: _rule(dict.fromkeys((_R.BIDDING, _R.COMPARISON), _R.ABANDONED), Role.BUYER, Role.SUPERVISOR),
        Action.LOOK_INTO: _rule({_R.AFTERWARDS: _R.LOOKED_INTO}, Role.AUDITOR),
        Action.MOVE_DUE: _rule(_STAYS, Role.SUPERVISOR),
        Action.REMIND: _rule(_STAYS, Role.SYSTEM),
        Action.ESCALATE: _rule(_STAYS, Role.SYSTEM),
    }
)

REQUEST = Life(RequestStage, REQUEST_RULES, frozenset(REQUEST_ENDS), MappingProxyType({}))
