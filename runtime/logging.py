"""Logs: structlog's format for every logger of the process, Temporal's and uvicorn's included.

A line about an order carries its number, so that one search shows what happened to it in every process.
"""

import logging
import re

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger
from temporalio import activity, workflow

from runtime.settings import Settings

ORDER_NUMBER = re.compile(r"RO-\d{8}-\d+")
QUIET = ("asyncio", "httpcore", "httpx")


def configure_logging(settings: Settings) -> None:
    """Sends every log line of this process to standard error. May be called again."""
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*common, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*common, structlog.stdlib.ExtraAdder(), _access_fields, _temporal_fields],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_ending(settings)],
            pass_foreign_args=True,
        )
    )
    root = logging.getLogger()
    ours = [old for old in root.handlers if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter)]
    for old in ours:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.log_level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    # The ids come as fields; in the text they would stand a second time.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False


def _ending(settings: Settings) -> list[Processor]:
    if settings.log_format == "text":
        return [structlog.dev.ConsoleRenderer(colors=False)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]


SECRET_IN_PATH = re.compile(r"(/track|/tracking|/push)/[^/]+")
"""Whoever knows a customer's link or a carrier's push address may use it, so logs don't."""


def _access_fields(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """uvicorn's access line as fields, without the query."""
    arguments = event.pop("positional_args")
    event.pop("color_message", None)
    if event["logger"] == "uvicorn.access":
        client, verb, path, _, status = arguments
        path = SECRET_IN_PATH.sub(r"\1/…", str(path).partition("?")[0])
        event.update(event="request", client=client, method=verb, path=path, status=status)
    return event


def _temporal_fields(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Lays the ids of the workflow or activity that logs beside the other fields."""
    details = event.pop("temporal_workflow", None) or event.pop("temporal_activity", None) or {}
    if found := ORDER_NUMBER.search(details.get("workflow_id", "")):
        event.setdefault("order", found.group())
    return {**details, **event}
