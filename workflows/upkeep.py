"""The scheduled looks at the warehouses: what is due begins, what levels ask for is proposed (policy 4.2.2, 4.2.3)."""

from datetime import timedelta

from temporalio import workflow
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.upkeep import Upkeep

with workflow.unsafe.sandbox_import_notification_policy(SandboxImportNotificationPolicy.SILENT):
    from workflows.desk import patient  # loaded anew for each workflow, like this module


@workflow.defn
class DueWork:
    """Begins counts and rounds when their cycle comes round, and notices sensors that say nothing any more."""

    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity_method(Upkeep.begin_due, workflow.now(), **patient("what is due"))


@workflow.defn
class StockLevels:
    """Holds stock against what is asked for, and proposes what to buy and what there is too much of."""

    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity_method(
            Upkeep.look_at_levels, workflow.now(), **patient("levels of all parts", timedelta(minutes=30))
        )
