"""python -m faults.worker: the worker as it is, but that it dies at the points `deaths` names."""

from collections.abc import Callable, Sequence
from typing import Any

from temporalio.client import Client

import activities
import worker
from activities.carriers import Carriers
from database.session import Sessions
from faults.deaths import Deaths, mortal
from runtime.settings import Settings
from runtime.temporal import work_then_rest

_immortal = activities.build


def _build(settings: Settings, sessions: Sessions, client: Client, carriers: Carriers) -> Sequence[Callable[..., Any]]:
    return mortal(_immortal(settings, sessions, client, carriers), Deaths(settings.home / "deaths"))


if __name__ == "__main__":
    activities.build = _build
    work_then_rest(worker.main())
