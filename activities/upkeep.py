"""What a warehouse has to do when it is due: counts, rounds, silent sensors, levels (policy 4.1.2, 4.2, 4.3.2).

Every look may be repeated: a task has its cause, and each cause leads to one task.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.client import Client

from activities.alive import alive
from activities.telling import Telling
from database import climate, levels, policies, upkeep
from database.session import Sessions
from domain.policy import Timekeeper
from runtime.settings import Settings


class Upkeep:
    def __init__(self, sessions: Sessions, client: Client, settings: Settings) -> None:
        self._sessions = sessions
        self._policy = settings.policy
        self._telling = Telling(sessions, client, settings.task_queue)

    @activity.defn
    @alive
    async def begin_due(self, now: datetime) -> int:
        """Begins the counts and rounds that are due by now, and findings of sensors that fell silent; returns how
        many."""
        begun: list[str] = []
        async with self._sessions() as session:
            warehouses = await levels.warehouses(session)
        for warehouse in warehouses:
            async with self._sessions.begin() as session:
                begun += await upkeep.begin_due(session, warehouse, await self._time(session), now)
        async with self._sessions.begin() as session:
            begun += await climate.notice_silence(session, await self._time(session), now)
        await self._telling.begin_tasks(begun)
        return len(begun)

    @activity.defn
    @alive
    async def look_at_levels(self, now: datetime) -> int:
        """Proposes what to buy and what there is too much of; returns how many proposals are new."""
        begun: list[str] = []
        async with self._sessions() as session:
            warehouses = await levels.warehouses(session)
        for warehouse in warehouses:
            async with self._sessions.begin() as session:
                begun += await upkeep.propose(session, warehouse, await self._time(session), now)
        await self._telling.begin_tasks(begun)
        return len(begun)

    async def _time(self, session: AsyncSession) -> Timekeeper:
        return await policies.timekeeper(session, await policies.newest(session, self._policy))
