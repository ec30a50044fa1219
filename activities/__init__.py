"""Everything that touches the world, one module a collaborator."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import Client

from activities.carriers import Carriers
from activities.committing import Committing
from activities.costing import Costing
from activities.mailbox import MailReading
from activities.reviewing import Reviewing
from activities.sending import Sending
from activities.shipping import Shipping
from activities.sweeping import Sweeping
from activities.telling import Telling
from activities.upkeep import Upkeep
from activities.watching import Watching
from database.session import Sessions
from runtime.settings import Settings


def build(settings: Settings, sessions: Sessions, client: Client, carriers: Carriers) -> Sequence[Callable[..., Any]]:
    """All activities, with what they work on."""
    committing, shipping = Committing(sessions), Shipping(sessions, carriers)
    telling, sweeping = (
        Telling(sessions, client, settings.task_queue),
        Sweeping(sessions, client, settings.task_queue),
    )
    idle = timedelta(seconds=settings.watch_seconds)
    sending, upkeep = Sending(sessions, settings), Upkeep(sessions, client, settings)
    reviewing = Reviewing(sessions, settings)
    watching = Watching(sessions, client, carriers, settings.api_url, idle)
    return (
        committing.commit_order,
        committing.commit_purchase,
        committing.commit_task,
        committing.commit_corrective,
        committing.commit_request,
        shipping.book_parcel,
        shipping.recall_parcel,
        telling.place_purchase_orders,
        telling.begin_tasks,
        telling.tell_orders,
        telling.tell_purchase_orders,
        telling.hold_purchase_orders,
        telling.place_corrective_actions,
        sweeping.start_forgotten,
        sweeping.compare,
        sweeping.throw_away_photos,
        sweeping.serve_waiting,
        watching.watch_parcels,
        MailReading(sessions, client, settings).read_mailbox,
        sending.send_messages,
        Costing(sessions, settings).sum_up_costs,
        upkeep.begin_due,
        upkeep.look_at_levels,
        reviewing.review_suppliers,
        reviewing.tell_of_expiries,
    )
