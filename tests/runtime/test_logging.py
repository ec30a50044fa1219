"""Every log line of a process is one JSON object; Temporal's carry their ids, and the order's number."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import pytest
import structlog
from temporalio import activity
from temporalio.testing import ActivityEnvironment

from runtime.logging import configure_logging
from runtime.settings import Settings


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def configure(log_format: Literal["json", "text"] = "json") -> None:
    logging.getLogger().handlers.clear()  # pytest's own leave traces of theirs in each record
    configure_logging(Settings(log_format=log_format))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_both_kinds_of_logger_write_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    configure_logging(Settings(log_format="json"))
    structlog.get_logger("api").info("已受理", order="RO-20261123-00427")
    logging.getLogger("carriers").warning("asked %s times", 3)
    try:
        raise ValueError("odd")
    except ValueError:
        logging.getLogger("database").exception("failed")
    first, second, third = lines(capsys)
    assert (first["event"], first["order"], first["level"]) == ("已受理", "RO-20261123-00427", "info")
    assert (second["event"], second["logger"], second["level"]) == ("asked 3 times", "carriers", "warning")
    assert second["timestamp"].endswith("Z")
    assert "ValueError: odd" in third["exception"]


async def test_an_activity_logs_its_ids_as_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure()

    async def body() -> None:
        activity.logger.info("stock reserved", extra={"part": "P-1"})

    environment = ActivityEnvironment()
    environment.info = replace(environment.info, workflow_id="replacement-order/RO-20261123-00427")
    await environment.run(body)
    (line,) = lines(capsys)
    assert line["event"] == "stock reserved"
    assert line["workflow_id"] == "replacement-order/RO-20261123-00427"
    assert (line["order"], line["part"]) == ("RO-20261123-00427", "P-1")
    assert line["activity_type"] == "unknown"


def test_access_lines_are_fields_without_the_query(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    arguments = ("127.0.0.1:5", "GET", "/v1/orders?phone=13900000000", "1.1", 200)
    logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', *arguments)
    (line,) = lines(capsys)
    assert (line["event"], line["method"], line["path"], line["status"]) == ("request", "GET", "/v1/orders", 200)
    assert "139" not in json.dumps(line)


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/track/s3cret-token", "/track/…"),
        ("/v1/tracking/s3cret-token/decisions", "/v1/tracking/…/decisions"),
        ("/v1/carriers/sf/push/s3cret-token", "/v1/carriers/sf/push/…"),
        ("/orders/RO-20261123-00427", "/orders/RO-20261123-00427"),
    ],
)
def test_links_that_open_something_are_not_logged(capsys: pytest.CaptureFixture[str], path: str, logged: str) -> None:
    configure()
    arguments = ("127.0.0.1:50000", "GET", path, "1.1", 200)
    logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', *arguments)
    (line,) = lines(capsys)
    assert line["path"] == logged


def test_text_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure("text")
    logging.getLogger("worker").info("ready")
    assert "ready" in capsys.readouterr().err
