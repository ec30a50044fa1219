"""The life of one task of a warehouse: a count, a round, a finding, a proposal (policy 4.1.2, 4.2.2–4.3.2)."""

from temporalio import workflow
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.committing import Committing
from activities.telling import Telling
from domain.messages import TaskState
from domain.tasks import TASK, TASK_ENDS

with workflow.unsafe.sandbox_import_notification_policy(SandboxImportNotificationPolicy.SILENT):
    from workflows.desk import Desk, patient  # loaded anew for each workflow, like this module


@workflow.defn
class WarehouseTask(Desk[TaskState]):
    """Waits for whoever's turn it is, reminds and escalates, and starts what a step has led to."""

    life = TASK
    commit = staticmethod(Committing.commit_task)

    @workflow.init
    def __init__(self, task: TaskState) -> None:
        self._to_begin = list(task.to_begin)
        super().__init__(task)

    @property
    def errands(self) -> bool:
        return super().errands or bool(self._to_begin)

    def note(self, state: TaskState) -> None:
        self._to_begin += state.to_begin

    @workflow.run
    async def run(self, task: TaskState) -> str:
        while self.state.stage not in TASK_ENDS:
            await self.attend()
            await self.do_errands()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.state.stage

    async def do_errands(self) -> None:
        """What is bought is ordered, what was found is somebody's."""
        await self.place_purchase_orders()
        while self._to_begin:
            numbers, self._to_begin = self._to_begin, []
            await workflow.execute_activity_method(Telling.begin_tasks, numbers, **patient(" ".join(numbers)))
