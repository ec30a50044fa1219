"""What workflow code may touch: it is checked to be deterministic, and everything it imports was decided about."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import Info, SandboxImportNotificationPolicy

PASSED_THROUGH = (
    "activities",
    "aiosmtplib",
    "alembic",
    "asyncpg",
    "babel",
    "carriers",
    "database",
    "domain",
    "greenlet",
    "holidays",
    "httpx",
    "imap_tools",
    "jinja2",
    "messaging",
    "runtime",
    "sqlalchemy",
    "structlog",
)
"""Loaded once a process and kept pure by the layers they belong to; only `workflows` is loaded anew per workflow."""


def workflow_runner() -> SandboxedWorkflowRunner:
    """The sandbox of every worker and every replay. A worker refuses to start over an import not named here."""
    if _Workflows not in sys.meta_path:
        sys.meta_path.insert(0, _Workflows)
    return _Runner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(
            *PASSED_THROUGH
        ).with_import_notification_policy(SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH)
    )


class _Runner(SandboxedWorkflowRunner):
    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _Unasked(super().create_instance(det))


class _Unasked(WorkflowInstance):
    """A sandboxed workflow that is not asked what each of its payloads belongs to.

    Neither our data converter nor a store of large payloads makes anything of that, and the SDK would enter the
    sandbox for it some times a payload.
    """

    def __init__(self, sandboxed: WorkflowInstance) -> None:
        self._sandboxed = sandboxed

    def activate(self, act: Any) -> Any:
        return self._sandboxed.activate(act)

    def get_serialization_context(self, command_info: object) -> None:
        return None

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        return StorageDriverStoreContext(target=None)

    def get_info(self) -> Info:
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()


class _CompiledOnce(SourceFileLoader):
    """Every run gets modules of its own, all made of the code that was there when the process began.

    Compiling it again would be most of what waking an order costs that is not in memory, and would mix two
    versions in one worker if the files were replaced meanwhile.
    """

    _code: dict[str, CodeType] = {}  # noqa: RUF012 - one for all loaders

    def get_code(self, fullname: str) -> CodeType | None:
        if fullname not in self._code and (code := super().get_code(fullname)):
            self._code[fullname] = code
        return self._code.get(fullname)


class _Workflows(PathFinder):
    """Finds the modules of `workflows`."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != "workflows":
            return None
        spec = super().find_spec(fullname, path, target)
        if spec and isinstance(loader := spec.loader, SourceFileLoader):
            spec.loader = _CompiledOnce(loader.name, loader.path)
        return spec
