"""What the documents speak of is there: links, commands, variables, files, tables, search attributes."""

import json
import re
import unicodedata
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import pytest
import typer

import cli
from database.reference import DEMO_PASSWORD, DEMO_USERS
from runtime.search_attributes import SEARCH_ATTRIBUTES
from standalone import StandaloneSettings

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
READMES = ("README.md", "README.zh.md")
OURS = re.compile(
    r"(?:activities|api|carriers|database|deploy|docs|domain|requirements|runtime|scripts|tests|workflows)/"
)
MADE = ("api/static/vendor",)
TEMPORALS_OWN = {"ExecutionStatus", "TemporalReportedProblems", "WorkflowId", "WorkflowType"}

each_document = pytest.mark.parametrize("document", DOCUMENTS)


def read(document: str | Path) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(text: str, language: str = r"\w*") -> list[str]:
    """The contents of fenced blocks, those within lists too."""
    return [block for _, block in re.findall(rf"^( *)```{language}\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)]


def code(text: str) -> str:
    """Everything written as code: blocks and spans."""
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return "\n".join([*blocks(text), *re.findall(r"`([^`\n]+)`", prose)])


def anchors(text: str) -> set[str]:
    """What headings are linked by."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {
        "".join(
            "-" if letter == " " else letter
            for letter in heading.lower().replace("`", "")
            if letter in " -_" or unicodedata.category(letter)[0] in "LN"
        )
        for heading in headings
    }


def test_there_are_documents() -> None:
    assert {*READMES, "docs/operations.md", "docs/architecture.md", "docs/contributing.md"} < set(DOCUMENTS)


@each_document
def test_links_lead_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", read(document)):
        path, _, anchor = target.partition("#")
        file = (ROOT / document).parent / path if path else ROOT / document
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(read(file)), target


def test_every_document_is_linked_from_the_readmes() -> None:
    for readme in READMES:
        linked = set(re.findall(r"\]\((docs/\w+\.md)", read(readme)))
        assert linked == {document for document in DOCUMENTS if document.startswith("docs/")}


@each_document
def test_make_has_these_targets(document: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    said = re.sub(r"^```mermaid.*?^```$", "", read(document), flags=re.DOTALL | re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z]+)", code(said))) <= targets


@each_document
def test_huanjian_has_these_commands(document: str) -> None:
    commands = typer.main.get_group(cli.app).commands
    said = re.findall(r"(?:^|[/ ])huanjian ([a-z][a-z-]+)", code(read(document)), re.MULTILINE)
    assert set(said) - {"huanjian"} <= set(commands)


@each_document
def test_modules_and_scripts_are_there(document: str) -> None:
    for module in re.findall(r"python -m ([\w.]+)", code(read(document))):
        assert find_spec(module), module


@each_document
def test_variables_are_settings(document: str) -> None:
    settings = {f"HUANJIAN_{name.upper()}" for name in StandaloneSettings.model_fields}
    assert set(re.findall(r"HUANJIAN_[A-Z_]+", read(document))) <= settings


@each_document
def test_files_are_there(document: str) -> None:
    for path in re.findall(r"(?<![\w./-])[\w-]+(?:/[\w.*-]+)*/?", code(read(document))):
        if OURS.match(path) and not path.startswith(MADE):
            assert list(ROOT.glob(path.removesuffix("/"))), path


@pytest.mark.parametrize("readme", READMES)
def test_the_log_ins_are_those_of_the_demonstration(readme: str) -> None:
    rows = re.findall(rf"^ (\w+) +({DEMO_PASSWORD}) +(\w+)$", read(readme), re.MULTILINE)
    assert rows == DEMO_USERS


@pytest.mark.parametrize("readme", READMES)
def test_the_sample_of_a_backlog_is_a_table(readme: str) -> None:
    rows = blocks(read(readme), "csv")
    assert rows
    for block in rows:
        assert len({line.count(",") for line in block.splitlines()}) == 1


def test_both_readmes_say_the_same_commands_and_answers() -> None:
    english, chinese = (list(map(_without_remarks, _without_diagrams(readme))) for readme in READMES)
    assert english == chinese
    assert len({len(re.findall("^## ", read(readme), re.MULTILINE)) for readme in READMES}) == 1


def _without_diagrams(document: str) -> list[str]:
    return [block for block in blocks(read(document)) if not block.startswith("stateDiagram")]


def _without_remarks(block: str) -> str:
    return re.sub(" +#.*", "", block)


def statements() -> Iterator[str]:
    for document in DOCUMENTS:
        for block in blocks(read(document), "sql"):
            yield from filter(str.strip, re.sub("--.*", "", block).split(";"))
        yield from re.findall(r"`((?:select|update|insert) [^`]+?);?`", read(document))


def test_there_are_statements() -> None:
    assert len(list(statements())) > 5


async def test_the_database_understands_every_statement(database_url: str) -> None:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    for statement in statements():
        await connection.prepare(statement)
    await connection.close()


@each_document
def test_temporal_knows_what_is_searched_by(document: str) -> None:
    known = TEMPORALS_OWN | {key.name for key in SEARCH_ATTRIBUTES}
    for query in re.findall(r'--query "(.+?)"', read(document)):
        assert set(re.findall(r"\b([A-Z]\w+) (?:=|<|>|IS|IN)", query)) <= known


def test_what_is_printed_as_json_is_json() -> None:
    said = [line for document in DOCUMENTS for block in blocks(read(document), "") for line in block.splitlines()]
    found = [json.loads(line) for line in said if line.startswith("{")]
    assert {"database": "ok", "temporal": "unreachable", "mailbox": "ok"} in found
