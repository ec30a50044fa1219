"""A worker serves every activity there is: what it does not know it would be asked to do for ever."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import activities
from activities.carriers import Carriers
from runtime.settings import Settings

DEFINED = "__temporal_activity_definition"


def there() -> Iterator[str]:
    for module in pkgutil.iter_modules(activities.__path__, "activities."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            for _, method in inspect.getmembers(kind, inspect.isfunction):
                if definition := vars(method).get(DEFINED):
                    yield definition.name


def test_a_worker_serves_every_activity_there_is() -> None:
    nothing: Any = None  # nobody is asked for anything yet
    served = activities.build(Settings(), nothing, nothing, Carriers())
    names = [getattr(activity, DEFINED) for activity in served]
    assert {definition.name for definition in names} == set(there())
