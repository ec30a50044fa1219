"""What blew up is left alone for a while."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.setbacks import Setbacks


async def work_apart(setbacks: Setbacks[int], numbers: Sequence[int], *, fault: Exception) -> list[Sequence[int]]:
    """What was tried, where one number blows up."""
    tried: list[Sequence[int]] = []

    async def work(some: Sequence[int]) -> bool:
        tried.append(some)
        if 2 in some:
            raise fault
        return True

    await ActivityEnvironment().run(setbacks.apart, numbers, work)
    return tried


async def test_what_goes_well_is_done_at_once() -> None:
    setbacks = Setbacks[int]()
    assert await work_apart(setbacks, [1, 3], fault=ZeroDivisionError()) == [[1, 3]]
    assert setbacks.left_alone() == []


async def test_what_blows_up_is_left_alone_for_a_while() -> None:
    setbacks = Setbacks[int](timedelta(seconds=0.2))
    assert await work_apart(setbacks, [1, 2, 3], fault=ZeroDivisionError()) == [[1, 2, 3], [1], [2], [3]]
    assert setbacks.left_alone() == [2]
    await asyncio.sleep(0.25)
    assert setbacks.left_alone() == []


async def test_an_unreachable_database_is_nobodys_fault() -> None:
    setbacks = Setbacks[int]()
    with pytest.raises(ConnectionRefusedError):
        await work_apart(setbacks, [1, 2, 3], fault=ConnectionRefusedError())
    assert setbacks.left_alone() == []
