"""The scheduled sweep: starts what fell between database and engine, and compares the two sides."""

from datetime import timedelta

from temporalio import workflow
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.sweeping import Sweeping

with workflow.unsafe.sandbox_import_notification_policy(SandboxImportNotificationPolicy.SILENT):
    from workflows.desk import patient  # loaded anew for each workflow, like this module

AT_MOST = timedelta(minutes=10)


@workflow.defn
class Sweep:
    """Rows come first, workflows second; this finds the rows whose second half never came."""

    @workflow.run
    async def run(self) -> dict[str, int]:
        started = await workflow.execute_activity_method(
            Sweeping.start_forgotten, **patient("rows without a workflow", AT_MOST)
        )
        restarted = await workflow.execute_activity_method(
            Sweeping.compare, **patient("open rows against running workflows", AT_MOST)
        )
        thrown_away = 0
        if workflow.patched("photos-of-forms-never-sent"):
            thrown_away = await workflow.execute_activity_method(
                Sweeping.throw_away_photos, **patient("photos of forms never sent", AT_MOST)
            )
        served = 0
        if workflow.patched("free-pieces-to-who-waits"):
            served = await workflow.execute_activity_method(
                Sweeping.serve_waiting, **patient("free pieces to who waits for them", AT_MOST)
            )
        return {"served": served, "started": started, "restarted": restarted, "photos thrown away": thrown_away}
