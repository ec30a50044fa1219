"""Printed documents: every letter is in the file itself, and what people type stays text."""

from datetime import UTC, datetime
from io import BytesIO

import pytest
from pypdf import PdfReader

from api.i18n import FOLDERS, languages
from api.printing import Column, Sheet, Table, pdf

AT = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
ODD = "#strong[x] $a$ *b* // “引号” <b> \\ ±0.05 Ω 60 ℃"


def sheet(rows: int = 1) -> Sheet:
    columns = [Column("备件 Part", share=3), Column("数量", number=True)]
    table = Table(columns, [[f"风机电机 {n}", "1,200"] for n in range(rows)], "明细", ["合计", "¥7.00"])
    return Sheet(
        "采购订单", "PO-1", AT, [("供应商", ODD)], [table], [("条款", "第一条。\n第二条。")], ["签字"], "换件 Huanjian"
    )


def printed(made: Sheet, language: str = "zh") -> PdfReader:
    return PdfReader(BytesIO(pdf(made, languages("Asia/Shanghai")[language])))


def text(made: Sheet, language: str = "zh") -> str:
    return "\n".join(page.extract_text() for page in printed(made, language).pages)


@pytest.mark.parametrize("language", FOLDERS)
def test_everything_said_is_on_the_paper(language: str) -> None:
    on_paper = "".join(text(sheet(), language).split())
    for said in ("采购订单", "PO-1", "供应商", ODD, "风机电机0", "1,200", "¥7.00", "第二条。", "签字", "换件Huanjian"):
        assert "".join(said.split()) in on_paper


def test_a_long_table_goes_on_under_its_heading() -> None:
    pages = printed(sheet(rows=80)).pages
    assert len(pages) > 2
    for number, page in enumerate(pages, 1):
        assert "备件 Part" in page.extract_text()
        assert f"{number} / {len(pages)}" in page.extract_text()


def test_the_letters_are_in_the_file() -> None:
    fonts = [font.get_object() for font in printed(sheet()).pages[0]["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert fonts
    for font in fonts:
        [inner] = font["/DescendantFonts"]
        assert "NotoSansSC" in font["/BaseFont"]
        assert {"/FontFile2", "/FontFile3"} & inner["/FontDescriptor"].keys()
    assert len(pdf(sheet(), languages("Asia/Shanghai")["zh"])) < 100_000


def test_the_same_sheet_is_the_same_file() -> None:
    words = languages("Asia/Shanghai")["zh"]
    assert pdf(sheet(), words) == pdf(sheet(), words)
    assert pdf(sheet(), words) != pdf(sheet(2), words)
