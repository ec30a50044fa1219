"""The scheduled analysis of costs: prices, freight and storage summed up by month (policy 3.3.2)."""

from collections.abc import Sequence
from datetime import date

from temporalio import workflow
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.costing import Costing

with workflow.unsafe.sandbox_import_notification_policy(SandboxImportNotificationPolicy.SILENT):
    from workflows.desk import patient  # loaded anew for each workflow, like this module


@workflow.defn
class CostAnalysis:
    """Sums up whatever has changed since the last time; an analysis that was missed is made up for by the next."""

    @workflow.run
    async def run(self) -> Sequence[date]:
        return await workflow.execute_activity_method(Costing.sum_up_costs, workflow.now(), **patient("costs by month"))
