from collections.abc import AsyncIterator

import pytest

from database.policies import newest
from database.session import Sessions
from tests.activities.paper import PaperHouse, paper_house
from tests.workflows.conftest import cached_workflows, house, lone_house, time_skipping
from tests.workflows.order_in_the_house import disorder

__all__ = ["cached_workflows", "house", "lone_house", "paper", "time_skipping"]


@pytest.fixture
async def paper(sessions: Sessions) -> AsyncIterator[PaperHouse]:
    async with sessions() as session:
        policy = await newest(session, "standard")
    yield paper_house(sessions, policy)
    assert await disorder(sessions) == []
