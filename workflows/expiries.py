"""The scheduled look at what of suppliers' runs out: papers, qualifications, contracts (policy 3.1.1, 3.1.2)."""

from temporalio import workflow
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.reviewing import Reviewing

with workflow.unsafe.sandbox_import_notification_policy(SandboxImportNotificationPolicy.SILENT):
    from workflows.desk import patient  # loaded anew for each workflow, like this module


@workflow.defn
class Expiries:
    """Looks every day; what ran out of time to be told while nobody was alive is told when somebody is."""

    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity_method(
            Reviewing.tell_of_expiries, workflow.now(), **patient("what runs out")
        )
