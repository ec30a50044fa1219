"""Where a document waits: decisions, news and alarms meet here, and each becomes one step, one at a time."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar, Generic, TypeVar, cast

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

from activities.shifts import SHIFT
from activities.telling import Telling
from domain.messages import Decide, Decided, DocumentState, Step
from domain.stages import Action, Life, Refusal, Role
from domain.waiting import Alarm, Wait
from runtime.search_attributes import DUE, STAGE, WAITING_FOR

S = TypeVar("S", bound=DocumentState)


def quick(summary: str) -> workflow.LocalActivityConfig:
    """A commit while somebody waits for the answer."""
    return workflow.LocalActivityConfig(
        start_to_close_timeout=timedelta(seconds=4),
        schedule_to_close_timeout=timedelta(seconds=5),
        retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=3),
        summary=summary,
    )


def patient(summary: str, at_most: timedelta = timedelta(minutes=1)) -> workflow.ActivityConfig:
    """What must happen, however long the other side is away, and soon after a worker died on it: the activity is
    `alive`."""
    return workflow.ActivityConfig(
        start_to_close_timeout=at_most,
        heartbeat_timeout=timedelta(seconds=10),
        retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=20)),
        summary=summary,
    )


def a_shift(summary: str, silence: timedelta) -> workflow.ActivityConfig:
    """Work that never ends; who was silent for so long has died, and is replaced soon."""
    return workflow.ActivityConfig(
        start_to_close_timeout=SHIFT * 2,
        heartbeat_timeout=silence,
        retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10)),
        summary=summary,
    )


class AlarmClock:
    """One timer, for the alarm of a wait that rings first. An alarm that was put off lets it run and ring early."""

    def __init__(self) -> None:
        self._timer: asyncio.Task[None] | None = None
        self._set_for: Wait | None = None

    @property
    def rang(self) -> bool:
        return self._timer is not None and self._timer.done()

    def set(self, wait: Wait | None) -> None:
        running, alarm = self._timer is not None and not self.rang, wait.next if wait else None
        if running and alarm and wait and self._set_for and self._rings_in_time(wait, self._set_for):
            return
        if running and self._timer:
            self._timer.cancel()
        self._timer, self._set_for = None, wait
        if alarm and wait:
            left = max(alarm.at - workflow.now(), timedelta(milliseconds=1))
            self._timer = asyncio.create_task(workflow.sleep(left, summary=f"{wait.clock}: {alarm.action}"))

    @staticmethod
    def _rings_in_time(wait: Wait, before: Wait) -> bool:
        same = (wait.clock, wait.since) == (before.clock, before.since)
        return same and wait.next is not None and before.next is not None and wait.next.at >= before.next.at


class Desk(Generic[S]):
    """The workflow side of a document: `state` is where it stands by the last step on record."""

    life: ClassVar[Life]
    commit: ClassVar[Callable[..., Any]]

    def __init__(self, state: S) -> None:
        self.state: S = state
        self._one_at_a_time = asyncio.Lock()
        self._alarm_clock = AlarmClock()
        self._to_place, self._to_tell = list(state.to_place), list(state.to_tell)
        self._describe()

    @property
    def wait(self) -> Wait | None:
        """What is waited for now."""
        return self.state.wait

    @property
    def errands(self) -> bool:
        """Whether a step left something to be done in the world."""
        return bool(self._to_place or self._to_tell)

    @workflow.update
    async def decide(self, decision: Decide) -> Decided:
        """A person's decision: on record when this returns, refused with a stable code otherwise."""
        try:
            async with self._one_at_a_time:
                while self.state.submission != decision.submission:
                    self.allow(decision)
                    await self._step(
                        decision.action, by=decision.by, role=decision.role, submission=decision.submission
                    )
        except Refusal as refusal:
            raise _for_the_caller(refusal) from refusal
        state = self.state
        return Decided(document=state.number, stage=state.stage, seq=state.seq, wait=state.wait)

    @decide.validator
    def _check(self, decision: Decide) -> None:
        try:
            self.allow(decision)
        except Refusal as refusal:
            raise _for_the_caller(refusal) from refusal

    def allow(self, decision: Decide) -> None:
        """Raises Refusal if this decision can't be taken now.

        Who has seen more of the record than this workflow, whose worker died after a commit, is let in: the next
        step reads it up.
        """
        if decision.seen <= self.state.seq:
            self.life.next_stage(self.state.stage, decision.action, decision.role)

    async def report(self, action: Action, alarm: Alarm | None = None, outcome: str | None = None) -> None:
        """A machine's news, or an alarm, becomes a step; not if the document has moved on and it means nothing now."""
        async with self._one_at_a_time:
            try:
                while self._matters(action, alarm):
                    if await self._step(action, alarm=alarm, outcome=outcome):
                        return
            except Refusal as refusal:
                workflow.logger.info("%s of %s changes nothing: %s", action, self.state.number, refusal)

    def _matters(self, action: Action, alarm: Alarm | None) -> bool:
        rings = alarm is None or (self.wait is not None and alarm in self.wait.alarms)
        return rings and self.state.stage in self.life.rules[action].moves

    async def _step(self, action: Action, by: str = Role.SYSTEM, role: Role = Role.SYSTEM, **facts: Any) -> bool:
        """Puts the next step on record.

        False if another step was on record in its place, from a worker that died before it could say so: the
        document then stands where that one led. Raises Refusal, and then nothing happened.
        """
        before = self.state
        step = Step(
            document=before.number, seq=before.seq + 1, action=action, at=workflow.now(), by=by, role=role, **facts
        )
        self.state = await self._commit(step)
        self._to_place += self.state.to_place
        self._to_tell += self.state.to_tell
        self.note(self.state)
        self._describe()
        self._index(before)
        return (self.state.action, self.state.submission) == (step.action, step.submission)

    def note(self, state: S) -> None:
        """Notes what a step leaves to be done in the world."""

    async def attend(self, news: Callable[[], object] = lambda: None) -> None:
        """Until what is waited for changes or `news` comes. An alarm that rings meanwhile is a step too."""
        waited_for, stage = self.state.wait, self.state.stage
        self._alarm_clock.set(self.wait)

        def moved() -> bool:
            return self.state.wait != waited_for or self.state.stage != stage

        await workflow.wait_condition(lambda: moved() or self.errands or self._alarm_clock.rang or bool(news()))
        alarm = self.wait.next if self.wait and self._alarm_clock.rang else None
        if alarm and alarm.at <= workflow.now():
            await self.report(alarm.action, alarm=alarm)

    async def place_purchase_orders(self) -> None:
        """Purchase orders that a step wrote are brought to life."""
        while self._to_place:
            numbers, self._to_place = self._to_place, []
            await workflow.execute_activity_method(Telling.place_purchase_orders, numbers, **patient(" ".join(numbers)))

    async def _commit(self, step: Step) -> S:
        """Quickly, as somebody waits; with the database away as long as it takes: a step is never left half done."""
        try:
            return cast("S", await workflow.execute_local_activity_method(self.commit, step, **quick(step.action)))
        except FailureError as failure:
            if refusal := _refusal(failure):
                raise refusal from failure
            return await self._commit_patiently(step)

    async def _commit_patiently(self, step: Step) -> S:
        try:
            return cast("S", await workflow.execute_activity_method(self.commit, step, **patient(step.action)))
        except FailureError as failure:
            if refusal := _refusal(failure):
                raise refusal from failure
            raise

    def _describe(self) -> None:
        """Tells operations in plain words where the document stands."""
        waits = self.wait.sentence if self.wait else "Nothing is waited for any more."
        workflow.set_current_details(f"**{self.state.stage}**, step {self.state.seq}. {waits}")

    def _index(self, before: S) -> None:
        """Lets operations find the document by what changed, in one go."""
        now = self.state
        changes: list[Any] = []
        if now.stage != before.stage:
            changes.append(STAGE.value_set(now.stage))
        if (now.wait and now.wait.owner) != (before.wait and before.wait.owner):
            changes.append(WAITING_FOR.value_set(now.wait.owner) if now.wait else WAITING_FOR.value_unset())
        if (now.wait and now.wait.due) != (before.wait and before.wait.due):
            changes.append(DUE.value_set(now.wait.due) if now.wait else DUE.value_unset())
        if changes:
            workflow.upsert_search_attributes(changes)


def _for_the_caller(refusal: Refusal) -> ApplicationError:
    return ApplicationError(str(refusal), type=refusal.code, non_retryable=True)


def _refusal(failure: FailureError) -> Refusal | None:
    """The refusal a commit ended with, if that is what it was. Local activities fail with it bare, others wrapped."""
    cause = failure.cause if isinstance(failure, ActivityError) else failure
    if isinstance(cause, ApplicationError) and cause.non_retryable and cause.type:
        return Refusal(cause.type, cause.message)
    return None
