"""What workflow code may touch: it is checked to be deterministic, and everything it imports was decided about."""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

PASSED_THROUGH = (
    "activities",
    "alembic",
    "asyncpg",
    "carriers",
    "database",
    "domain",
    "greenlet",
    "holidays",
    "httpx",
    "runtime",
    "sqlalchemy",
    "structlog",
)
"""Loaded once a process and kept pure by the layers they belong to; only `workflows` is loaded anew per workflow."""


def workflow_runner() -> SandboxedWorkflowRunner:
    """The sandbox of every worker and every replay. A worker refuses to start over an import not named here."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(
            *PASSED_THROUGH
        ).with_import_notification_policy(SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH)
    )
