"""The sandbox: a module of its own for every run, compiled once."""

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec, module_from_spec

import pytest
from temporalio.workflow import _Definition

from runtime.sandbox import workflow_runner
from workflows.replacement_order import ReplacementOrder


async def test_workflow_modules_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waking an order that is not in memory loads its modules anew, but does not compile them again."""
    runner, definition = workflow_runner(), _Definition.must_from_class(ReplacementOrder)
    runner.prepare_workflow(definition)
    compiled: list[object] = []
    monkeypatch.setattr(SourceFileLoader, "source_to_code", lambda self, data, path: compiled.append(path))
    runner.prepare_workflow(definition)
    assert compiled == []


async def test_each_run_has_modules_of_its_own() -> None:
    spec = find_spec("workflows.desk")
    assert spec
    assert spec.loader
    first, second = module_from_spec(spec), module_from_spec(spec)
    spec.loader.exec_module(first)
    spec.loader.exec_module(second)
    assert first.Desk is not second.Desk
    assert first.Desk is not sys.modules["workflows.desk"].Desk
