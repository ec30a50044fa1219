"""A worker process: it starts, serves metrics, logs as JSON, and drains on SIGTERM."""

import asyncio
import json
import signal
import socket
import sys

import httpx
import psutil
import pytest

from runtime.ports import free_port
from tests.stack.conftest import ROOT, Stack

pytestmark = pytest.mark.timeout(240)


async def test_sigterm_drains_and_exits_with_0(stack: Stack) -> None:
    metrics = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worker", cwd=ROOT, env=stack.environment | {"HUANJIAN_METRICS_PORT": str(metrics)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    lines = [json.loads(await process.stdout.readline())]
    while lines[-1]["event"] != "worker started":
        lines.append(json.loads(await process.stdout.readline()))
    async with httpx.AsyncClient() as client:
        served = (await client.get(f"http://127.0.0.1:{metrics}/metrics")).text
    assert "temporal_worker_task_slots_available" in served
    process.send_signal(signal.SIGTERM)
    rest, _ = await asyncio.wait_for(process.communicate(), 30)
    assert [json.loads(line)["event"] for line in rest.splitlines()][-1] == "worker stopped"
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("setting", "code", "says"),
    [
        ("HUANJIAN_METRICS_PORT", 2, "metrics can't be served on 127.0.0.1:"),
        ("HUANJIAN_TEMPORAL_PORT", 1, "Temporal can't be reached"),
    ],
)
async def test_what_keeps_a_worker_from_starting_is_one_line(stack: Stack, setting: str, code: int, says: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        environment = stack.environment | {"HUANJIAN_METRICS_PORT": "0", setting: port}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "worker", cwd=ROOT, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert len(output.splitlines()) == 1, output
    assert json.loads(output)["event"].startswith(says)
    assert process.returncode == code


async def test_a_killed_worker_is_replaced(stack: Stack) -> None:
    before = stack.child("-m worker")
    before.kill()
    for _ in range(200):
        await asyncio.sleep(0.1)
        try:
            if stack.child("-m worker").pid != before.pid:
                return
        except (LookupError, psutil.Error):
            continue
    raise AssertionError("no new worker")
