"""The scheduled review of suppliers: figures of a period, and the standing that follows (policy 3.1.1, 3.1.3)."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.reviewing import Reviewing
from activities.telling import Telling

with workflow.unsafe.sandbox_import_notification_policy(SandboxImportNotificationPolicy.SILENT):
    from workflows.desk import patient  # loaded anew for each workflow, like this module


@workflow.defn
class SupplierReview:
    """Looks every day whether a period is over; one that ended while nobody was alive is reviewed when somebody is."""

    @workflow.run
    async def run(self) -> Sequence[str]:
        begun: Sequence[str] = await workflow.execute_activity_method(
            Reviewing.review_suppliers, workflow.now(), **patient("the newest period that is over")
        )
        if begun:
            await workflow.execute_activity_method(Telling.place_corrective_actions, begun, **patient(" ".join(begun)))
        return begun
