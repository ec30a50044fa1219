"""The model order without its work: as many updates, local activities, signals, timers and search attributes."""

import asyncio
from datetime import timedelta

from temporalio import workflow

from runtime.search_attributes import DUE, STAGE, WAITING_FOR

NOTHING = "nothing"
ALARM = timedelta(days=2)


@workflow.defn
class BareOrder:
    def __init__(self) -> None:
        self._decisions = 0
        self._scans = set[str]()

    @workflow.run
    async def run(self) -> None:
        await self._wait_for_decision(1)  # quote
        await self._wait_for_decision(2)  # approve
        alarm = self._alarm()
        await workflow.wait_condition(lambda: self._decisions == 3)  # pack
        await workflow.execute_activity(
            NOTHING, "book", start_to_close_timeout=timedelta(minutes=1), heartbeat_timeout=timedelta(seconds=5)
        )
        await self._commit("booked")
        await workflow.wait_condition(lambda: self._decisions == 4)  # hand over
        alarm.cancel()
        alarm = self._alarm()
        await workflow.wait_condition(lambda: len(self._scans) == 3)
        await self._commit("deliver")
        self._index("deliver")
        alarm.cancel()
        await self._wait_for_decision(5)  # appointment
        await self._wait_for_decision(6)  # fitted
        await self._wait_for_decision(7)  # works
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.update
    async def decide(self, action: str) -> str:
        said = await self._commit(action)
        if action != "pack":
            self._index(action)
        self._decisions += 1
        return said

    @workflow.signal
    def scanned(self, milestone: str) -> None:
        self._scans.add(milestone)

    async def _wait_for_decision(self, number: int) -> None:
        alarm = self._alarm()
        await workflow.wait_condition(lambda: self._decisions == number)
        alarm.cancel()

    def _alarm(self) -> asyncio.Task[None]:
        return asyncio.create_task(workflow.sleep(ALARM))

    async def _commit(self, step: str) -> str:
        said: str = await workflow.execute_local_activity(
            NOTHING, step, start_to_close_timeout=timedelta(seconds=4), result_type=str
        )
        return said

    def _index(self, stage: str) -> None:
        workflow.upsert_search_attributes(
            [STAGE.value_set(stage), WAITING_FOR.value_set("agent"), DUE.value_set(workflow.now())]
        )
