"""What the documents take from the code is as the code says it now."""

import re
from dataclasses import replace
from enum import StrEnum

import pytest

from bench.results import read as measured
from domain.correcting import CORRECTIVE
from domain.stages import ORDER, PURCHASE, Action, Life, PurchaseStage, Role, Stage
from domain.waiting import Clock
from runtime.settings import Settings
from scripts.diagram import MANY, state_diagram
from scripts.generated import CHINESE, ENGLISH, PARTS, PICTURES, ROOT, renewed
from standalone import StandaloneSettings

LIVES = {"order": ORDER, "purchase order": PURCHASE, "corrective action": CORRECTIVE}
ARROW = re.compile(r"^    (\S+) --> (\S+) : (.+)$", re.MULTILINE)

each_life = pytest.mark.parametrize("life", LIVES.values(), ids=list(LIVES))


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", PARTS)
def test_it_is_up_to_date(document: str) -> None:
    text = read(document)
    assert renewed(document, text) == text, "run: .venv/bin/python scripts/generated.py"


@pytest.mark.parametrize("file", PICTURES)
def test_a_picture_shows_what_was_measured_last(file: str) -> None:
    assert read(file) == PICTURES[file](measured()), "run: .venv/bin/python scripts/generated.py"


@pytest.mark.parametrize("document", PARTS)
def test_a_word_changed_by_hand_is_found(document: str) -> None:
    text = read(document)
    part = re.search(r"(?<=<!-- begin ).+?(?= -->\n)", text)
    assert part
    spoilt = text.replace(f"\n<!-- end {part[0]} -->", f" by hand\n<!-- end {part[0]} -->")
    assert renewed(document, spoilt) == text


def test_no_document_has_parts_that_nobody_renews() -> None:
    marked = {
        (str(path.relative_to(ROOT)), part)
        for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
        for part in re.findall(r"<!-- begin (.+?) -->", path.read_text(encoding="utf-8"))
    }
    assert marked == {(document, part) for document, parts in PARTS.items() for part in parts}


def test_a_part_without_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match="order"):
        renewed("README.md", "nothing here")


def drawn(life: Life) -> set[tuple[str, str, str]]:
    """From where, what, to where, as the diagram in plain words shows it."""
    return {
        (source, said, target)
        for source, target, labels in ARROW.findall(state_diagram(life, ENGLISH))
        for said in labels.split("<br/>")
    }


@each_life
def test_every_way_to_another_stage_is_drawn_and_no_other(life: Life) -> None:
    ways = {
        (stage, action, target)
        for action, rule in life.rules.items()
        for stage, target in rule.moves.items()
        if stage != target
    }
    crowded = {
        a
        for a, rule in life.rules.items()
        if len([1 for _, action, target in ways if action == a]) >= MANY
        and set(rule.moves.values()).isdisjoint(rule.moves)
    }
    assert drawn(life) == (
        {(stage, action.replace("_", " "), target) for stage, action, target in ways if action not in crowded}
        | {(f"many_{action}", action.replace("_", " "), target) for _, action, target in ways if action in crowded}
        | {(stage, f"({said})", target) for stage, ways in life.passes.items() for target, said in ways.items()}
    )


@each_life
def test_the_diagram_follows_the_table(life: Life) -> None:
    for action, rule in life.rules.items():
        without = replace(life, rules={other: kept for other, kept in life.rules.items() if other != action})
        leaves = any(stage != target for stage, target in rule.moves.items())
        assert (state_diagram(without, ENGLISH) != state_diagram(life, ENGLISH)) == leaves


@each_life
def test_the_chinese_diagram_is_chinese(life: Life) -> None:
    labels = re.findall(r" : (.+)$", state_diagram(life, CHINESE), re.MULTILINE)
    assert len(labels) > len(life.stages)
    assert not [label for label in labels if re.search("[a-z]", label.replace("<br/>", ""))]


@pytest.mark.parametrize("kind", [Stage, PurchaseStage, Action, Role, Clock])
def test_the_vocabulary_names_every_code_in_both_languages(kind: type[StrEnum]) -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|", read("docs/vocabulary.md"), re.MULTILINE)
    words = {code: (english, chinese) for code, english, chinese in rows}
    for code in kind:
        english, chinese = words[code]
        assert english.strip() != code
        assert re.search("[\u4e00-\u9fff]", chinese)


@pytest.mark.parametrize("name", StandaloneSettings.model_fields)
def test_every_setting_is_explained(name: str) -> None:
    text = read("docs/settings.md")
    variable = f"`HUANJIAN_{name.upper()}`"
    row = re.search(rf"^\| {variable} \| .*? \| (.*?) \|$", text, re.MULTILINE)
    assert row
    outside = re.sub("<!-- begin .*?<!-- end", "", text, flags=re.DOTALL)
    assert row[1] or variable in outside


def test_settings_stand_in_one_table_each() -> None:
    variables = re.findall(r"^\| `HUANJIAN_(\w+)`", read("docs/settings.md"), re.MULTILINE)
    assert sorted(variables) == sorted(name.upper() for name in StandaloneSettings.model_fields)
    assert Settings.model_fields.keys() < StandaloneSettings.model_fields.keys()
