"""`make run` as a newcomer sees it, and with the plug pulled."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.stack.conftest import new_settings, running_stack

pytestmark = pytest.mark.timeout(300)
HUANJIAN = str(Path(sys.executable).with_name("huanjian"))
ENDED = "^demonstration: 4 of 4 orders ended as they should"


async def test_four_orders_end_as_they_should_though_everything_was_killed(tmp_path: Path) -> None:
    settings = new_settings(tmp_path)
    async with running_stack(settings) as first:
        await first.prints("policy “demo”")
        await first.prints("hand_over")
        numbers = {line.split()[2] for line in first.printed if " apply →" in line}
        await first.kill()
    async with running_stack(settings) as second:
        await second.prints(ENDED, within=200)
        assert {line.split()[2] for line in second.printed if " apply →" in line} == numbers
        await second.prints("^Serving")
        code, said = await huanjian(second.environment, "verify-log")
        assert (code, said.partition(", ")[2]) == (0, "4 signatures: none broken")
        assert int(said.split()[3]) > 40, said
        code, said = await huanjian(second.environment, "verify-log", "RO-20260101-00019")
        assert (code, said) == (2, "there is no document RO-20260101-00019")
        assert await second.stop() == 0


async def huanjian(environment: dict[str, str], *words: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        HUANJIAN, *words, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    return process.returncode, printed.decode().strip()
