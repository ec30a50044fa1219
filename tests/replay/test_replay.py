"""Workers change while orders run: every recorded history goes on replaying, and holds nothing about a person."""

import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from runtime.sandbox import workflow_runner
from tests.replay.changed import SleepsFirst
from tests.replay.record import ENDED, HISTORIES, OPEN_AT
from workflows.every import WORKFLOWS

KINDS = {"purchase": "purchase-order", "request": "request-for-quotation"}
NAMES = sorted(file.stem for file in HISTORIES.glob("*.json"))
PERSONAL = ("演示客户", "1540000090", "示范路", "西湖区", "风机不转", "嗡嗡", "客户满意", "王经理", "已安装")
"""What the demonstration's people are called, where they live, and what they said."""


def history(name: str) -> WorkflowHistory:
    text = (HISTORIES / f"{name}.json").read_text(encoding="utf-8")
    kind = KINDS.get(name.partition("-")[0], "replacement-order")
    return WorkflowHistory.from_json(f"{kind}/{name}", text)


def test_every_kind_of_path_is_recorded() -> None:
    assert {*ENDED.values(), "purchase-order", "request-awarded", "request-emergency"} <= set(NAMES)
    assert len([name for name in NAMES if name.startswith("open-at-")]) >= len(OPEN_AT) - 2


@pytest.mark.parametrize("name", NAMES)
async def test_a_recorded_history_replays(name: str) -> None:
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter, workflow_runner=workflow_runner())
    await replayer.replay_workflow(history(name))


async def test_the_gate_bites() -> None:
    replayer = Replayer(
        workflows=[SleepsFirst], data_converter=pydantic_data_converter, workflow_runner=workflow_runner()
    )
    with pytest.raises(workflow.NondeterminismError):
        await replayer.replay_workflow(history("from-stock"))


def payloads(text: str) -> Iterator[str]:
    yield text
    for data in re.findall(r'"data":\s*"([A-Za-z0-9+/=]+)"', text):
        yield b64decode(data).decode(errors="replace")


@pytest.mark.clause("1.3.1")
@pytest.mark.parametrize("name", NAMES)
def test_a_history_holds_nothing_about_a_person(name: str) -> None:
    text = (HISTORIES / f"{name}.json").read_text(encoding="utf-8")
    everything = "\n".join(payloads(text)).encode().decode("unicode_escape", errors="replace")
    plain = "\n".join(payloads(text))
    assert not [words for words in PERSONAL if words in plain or words in everything]


def test_the_scan_looks_for_what_was_said() -> None:
    """The words are the demonstration's own; were they to change, the scan would look for nothing."""
    played = Path("demonstration.py").read_text(encoding="utf-8")
    assert [words for words in PERSONAL if words not in played] == []
