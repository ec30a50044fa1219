"""The lives of orders and purchase orders as Mermaid state diagrams, drawn from the tables of domain/stages.py."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.stages import Action, Life

MANY = 4
"""So many stages that an action leaves for the same one are drawn as one."""


@dataclass(frozen=True)
class Words:
    """How a language puts it: stages and actions, the conditions of a life's `passes`, and many stages in one."""

    of: Callable[[StrEnum], str]
    condition: Callable[[str], str]
    any_open: str
    any_open_but: Callable[[str], str]


def state_diagram(life: Life, words: Words) -> str:
    """Every way from one stage to another; what happens at a stage without leaving it is left out.

    A way in parentheses is taken at once when its condition holds.
    """
    shared = dict(_shared(life))
    ways = _ways(life, shared, words)
    reached = {*(target for _, target in ways), *shared.values()}
    return "\n".join(
        (
            "stateDiagram-v2",
            *(f"    {stage} : {words.of(stage)}" for stage in life.stages),
            *(f"    [*] --> {stage}" for stage in life.stages if stage not in reached),
            *(f"    {source} --> {target} : {'<br/>'.join(said)}" for (source, target), said in ways.items()),
            *(line for action, target in shared.items() for line in _from_many(life, action, target, words)),
            "    classDef ended stroke-dasharray:4",
            *(f"    class {stage} ended" for stage in life.stages if stage in life.ends),
        )
    )


def elsewhere(life: Life, action: Action) -> list[StrEnum]:
    """The open stages at which an action is not possible."""
    return [stage for stage in life.stages if stage not in {*life.rules[action].moves, *life.ends}]


def _shared(life: Life) -> Iterator[tuple[Action, StrEnum]]:
    for action, rule in life.rules.items():
        targets = set(rule.moves.values())
        if len(rule.moves) >= MANY and len(targets) == 1 and targets.isdisjoint(rule.moves):
            yield action, targets.pop()


def _from_many(life: Life, action: Action, target: StrEnum, words: Words) -> Iterator[str]:
    others = [words.of(stage) for stage in elsewhere(life, action)]
    yield f"    many_{action} : {words.any_open_but(*others) if others else words.any_open}"
    yield f"    many_{action} --> {target} : {words.of(action)}"


def _ways(life: Life, shared: Mapping[Action, StrEnum], words: Words) -> Mapping[tuple[StrEnum, StrEnum], list[str]]:
    ways: dict[tuple[StrEnum, StrEnum], list[str]] = {}
    for source in life.stages:
        for action, rule in life.rules.items():
            target = rule.moves.get(source, source)
            if target != source and action not in shared:
                ways.setdefault((source, target), []).append(words.of(action))
        for target, condition in life.passes.get(source, {}).items():
            ways.setdefault((source, target), []).append(f"({words.condition(condition)})")
    return ways
