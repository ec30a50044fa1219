"""The lives of the warehouse's own tasks as one table: counts, rounds, findings, proposals to buy and to dispose of.

Each kind has stages of its own, so one table serves them all, as the two of `domain/stages.py` serve orders.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from domain.stages import Action, Life, Role, Rule
from domain.waiting import Clock


class TaskKind(StrEnum):
    COUNT = "count"
    ROUND = "round"
    FINDING = "finding"
    REPLENISHMENT = "replenishment"
    DISPOSAL = "disposal"


class TaskStage(StrEnum):
    COUNTING = "counting"
    RECOUNTING = "recounting"
    TRACING = "tracing"
    ADJUSTMENT = "adjustment"
    COUNTED = "counted"
    ROUND_DUE = "round_due"
    ROUND_MADE = "round_made"
    FOUND = "found"
    REMEDIED = "remedied"
    SETTLED = "settled"
    PROPOSED = "proposed"
    ORDERED = "ordered"
    TO_DECIDE = "to_decide"
    DISPOSING = "disposing"
    DISPOSED = "disposed"
    TURNED_DOWN = "turned_down"
    CALLED_OFF = "called_off"


_T: Final = TaskStage
TASK_ENDS: Final = frozenset(
    {_T.COUNTED, _T.ROUND_MADE, _T.SETTLED, _T.ORDERED, _T.DISPOSED, _T.TURNED_DOWN, _T.CALLED_OFF}
)
TASK_OPEN: Final = tuple(stage for stage in TaskStage if stage not in TASK_ENDS)

FIRST: Final[Mapping[TaskKind, TaskStage]] = MappingProxyType(
    {
        TaskKind.COUNT: _T.COUNTING,
        TaskKind.ROUND: _T.ROUND_DUE,
        TaskKind.FINDING: _T.FOUND,
        TaskKind.REPLENISHMENT: _T.PROPOSED,
        TaskKind.DISPOSAL: _T.TO_DECIDE,
    }
)
"""The stage at which each kind begins."""

CLOCK_OF: Final[Mapping[StrEnum, Clock]] = MappingProxyType(
    {
        _T.COUNTING: Clock.COUNT,
        _T.RECOUNTING: Clock.COUNT,
        _T.TRACING: Clock.TRACING,
        _T.ADJUSTMENT: Clock.ADJUSTMENT,
        _T.ROUND_DUE: Clock.ROUND,
        _T.FOUND: Clock.REMEDY,
        _T.REMEDIED: Clock.REMEDY_CHECK,
        _T.PROPOSED: Clock.REPLENISHMENT,
        _T.TO_DECIDE: Clock.DISPOSAL_DECISION,
        _T.DISPOSING: Clock.DISPOSAL,
    }
)
"""What each stage waits for."""


def _rule(moves: dict[Any, Any], *by: Role) -> Rule:
    return Rule(MappingProxyType(moves), frozenset(by))


def _stays(*stages: TaskStage) -> dict[TaskStage, TaskStage]:
    return {stage: stage for stage in stages}


_KEEPER, _BUYER, _SUPERVISOR, _SYSTEM = Role.WAREHOUSE_KEEPER, Role.BUYER, Role.SUPERVISOR, Role.SYSTEM

TASK_RULES: Final[Mapping[Action, Rule]] = MappingProxyType(
    {
        # policy 4.2.2: counted blind, traced, adjusted once another role has approved
        Action.RECORD_COUNTS: _rule(_stays(_T.COUNTING, _T.RECOUNTING), _KEEPER),
        Action.FINISH_COUNT: _rule(dict.fromkeys((_T.COUNTING, _T.RECOUNTING), _T.COUNTED), _KEEPER),
        Action.EXPLAIN_DIFFERENCES: _rule(dict.fromkeys((_T.TRACING, _T.ADJUSTMENT), _T.ADJUSTMENT), _KEEPER),
        Action.COUNT_AGAIN: _rule({_T.ADJUSTMENT: _T.RECOUNTING}, _SUPERVISOR),
        Action.APPROVE_ADJUSTMENT: _rule({_T.ADJUSTMENT: _T.COUNTED}, _SUPERVISOR),
        # policy 4.3.1, 4.3.2: rounds by check list; what they and the sensors find is put right and looked at again
        Action.REPORT_ROUND: _rule({_T.ROUND_DUE: _T.ROUND_MADE}, _KEEPER),
        Action.PUT_RIGHT: _rule({_T.FOUND: _T.REMEDIED}, _KEEPER),
        Action.ACCEPT_REMEDY: _rule({_T.REMEDIED: _T.SETTLED}, _SUPERVISOR),
        Action.REOPEN: _rule({_T.REMEDIED: _T.FOUND}, _SUPERVISOR),
        # policy 4.2.3: neither shortage nor overstock
        Action.ORDER_PROPOSED: _rule({_T.PROPOSED: _T.ORDERED}, _BUYER),
        Action.DECIDE_DISPOSAL: _rule({_T.TO_DECIDE: _T.DISPOSING}, _SUPERVISOR),
        Action.TURN_DOWN: _rule({_T.PROPOSED: _T.TURNED_DOWN, _T.TO_DECIDE: _T.TURNED_DOWN}, _BUYER, _SUPERVISOR),
        Action.DISPOSE: _rule({_T.DISPOSING: _T.DISPOSING}, _KEEPER),
        Action.CALL_OFF: _rule(
            dict.fromkeys((_T.COUNTING, _T.RECOUNTING, _T.TRACING, _T.ADJUSTMENT, _T.DISPOSING), _T.CALLED_OFF),
            _SUPERVISOR,
        ),
        Action.MOVE_DUE: _rule(_stays(*TASK_OPEN), _SUPERVISOR),
        Action.REMIND: _rule(_stays(*TASK_OPEN), _SYSTEM),
        Action.ESCALATE: _rule(_stays(*TASK_OPEN), _SYSTEM),
    }
)

TASK: Final = Life(
    TaskStage,
    TASK_RULES,
    frozenset(TASK_ENDS),
    MappingProxyType(
        {
            _T.COUNTED: {_T.RECOUNTING: "a difference above tolerance", _T.TRACING: "a difference is left"},
            _T.DISPOSING: {_T.DISPOSED: "every piece is disposed of"},
        }
    ),
)
