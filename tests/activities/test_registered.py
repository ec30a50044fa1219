"""A worker serves every activity there is: what it does not know it would be asked to do for ever. Each shows signs of
life: what a dead worker had in hand would rest until its time is up."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import activities
from activities.carriers import Carriers
from runtime.settings import Settings

DEFINED = "__temporal_activity_definition"
BEAT_AS_THEY_GO = {"watch_parcels", "read_mailbox"}


def there() -> Iterator[str]:
    for module in pkgutil.iter_modules(activities.__path__, "activities."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            for _, method in inspect.getmembers(kind, inspect.isfunction):
                if definition := vars(method).get(DEFINED):
                    yield definition.name


def served() -> Sequence[Callable[..., Any]]:
    nothing: Any = None  # nobody is asked for anything yet
    return activities.build(Settings(), nothing, nothing, Carriers())


def test_a_worker_serves_every_activity_there_is() -> None:
    assert {getattr(activity, DEFINED).name for activity in served()} == set(there())


def test_every_activity_is_alive() -> None:
    silent = {getattr(activity, DEFINED).name for activity in served() if not hasattr(activity, "__wrapped__")}
    assert silent == BEAT_AS_THEY_GO
