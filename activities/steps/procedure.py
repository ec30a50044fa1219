"""How a step is taken, whatever kind of document it is of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from activities.steps.work import D, Steps, Work
from database.steps import record, reminder
from domain.messages import DocumentState, Step
from domain.notices import TOLD
from domain.shared_decisions import MoveDue
from domain.stages import Action, Life, Refusal, Role
from domain.waiting import Clock

S = TypeVar("S", bound=DocumentState)


@dataclass(frozen=True)
class Procedure(Generic[D, S]):
    """For one kind of document: what each action does, and which clock a stage begins with, unless the step that leads
    there has started one of its own."""

    table: type[D]
    state: type[S]
    life: Life
    steps: Steps[D]
    clocks: Mapping[StrEnum, Clock] = field(default_factory=dict)

    def resume(self, work: Work[D], state: S) -> None:
        """Takes over from the step before what its state alone knows."""

    async def arrive(self, work: Work[D], came_from: StrEnum) -> None:
        """Does what belongs to the stage that the step leads to, which may lead on at once."""

    def says(self, work: Work[D]) -> dict[str, Any]:
        """What the state says beside what every document's says."""
        return {}

    async def take(self, work: Work[D]) -> S:
        """Does the step and puts it on record. Raises Refusal, and then nothing is written."""
        document: Any = work.document  # each kind's stage is of a type of its own
        step, came_from = work.step, work.document.stage
        work.stage = self.life.next_stage(came_from, step.action, step.role)
        _ring(work)
        waited_for = work.wait
        if step.action in self.steps:
            await self.steps[step.action](work)
        await self.arrive(work, came_from)
        if work.stage in self.life.ends:
            work.wait, document.ended_at = None, work.at
        elif work.stage != came_from and work.wait is waited_for and work.stage in self.clocks:
            work.start(self.clocks[work.stage])
        state = self.state(
            number=document.number,
            stage=work.stage,
            seq=step.seq,
            wait=work.wait,
            action=step.action,
            submission=step.submission,
            to_place=tuple(work.to_place),
            to_tell=tuple(work.to_tell),
            **self.says(work),
        )
        document.stage = state.stage
        _record(work, state, came_from)
        return state


def _ring(work: Work[D]) -> None:
    """An alarm that rang is used up or stands again later; a clock moved by a person starts anew."""
    step = work.step
    if step.alarm is not None and work.wait is not None:
        work.details |= {"clock": work.wait.clock, "due": work.wait.due.isoformat(), "count": step.alarm.count}
        if step.action in (Action.REMIND, Action.ESCALATE):
            work.told.append(reminder(step.action, work.wait))
            if step.action is Action.REMIND and work.wait.owner in (Role.CUSTOMER, Role.SUPPLIER):
                work.told.append((reminder(step.action, work.wait)[0], work.wait.owner))
        work.wait = work.time.rang(work.wait, step.alarm, work.at)
    elif step.action is Action.MOVE_DUE and work.wait is not None:
        due = work.said(MoveDue).due
        if due <= work.at:
            raise Refusal("invalid_time", "a clock can't be moved into the past")
        work.details |= {"due": [work.wait.due.isoformat(), due.isoformat()], "clock": work.wait.clock}
        work.wait = work.time.moved(work.wait, work.at, due)


def _record(work: Work[D], state: DocumentState, came_from: StrEnum) -> None:
    step: Step = work.step
    record(
        work.session,
        work.document,
        action=step.action,
        at=step.at,
        by=step.by,
        role=step.role,
        from_stage=came_from,
        details=work.details,
        submission=step.submission,
        state=state,
        told=[*work.told, *((step.action, audience) for audience in TOLD.get(step.action, ()))],
    )
