"""No cell of a file of ours becomes a formula, in whichever spreadsheet program it is opened."""

import csv
import io
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.web.csv_cells import cell, line

FORMULA_SIGNS: Final = "=+-@＝＋－＠"
HARMLESS: Final = " \t\r\n\v\f\"'\ufeff\u200b\u00a0\u2028"

hostile_texts = st.text(alphabet=st.sampled_from([*FORMULA_SIGNS, *HARMLESS, ";", ",", "|", "a", "1"]), max_size=12)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Alice", "Alice"),
        ("", ""),
        ("550 5.1.1 no such user - really", "550 5.1.1 no such user - really"),
        ("ada@dest.example", "ada@dest.example"),
        ("=1+1", "'=1+1"),
        ("+491234", "'+491234"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\t=1", "' =1"),
        ("\r=1", "' =1"),
        ("\ufeff=1", "'\ufeff=1"),
        ('"=1', "'\"=1"),
        ("＝1", "'＝1"),
        ('=cmd|"/c calc"!A1', '\'=cmd|"/c calc"!A1'),
        ('x;=HYPERLINK("https://evil.example")', 'x;\'=HYPERLINK("https://evil.example")'),
        ('x; "=1', "x;' \"=1"),
        ("first\nsecond", "first second"),
        ("first\r\n=second", "first =second"),
    ],
)
def test_what_would_begin_a_formula_gets_an_apostrophe(text: str, written: str) -> None:
    assert cell(text) == written


@given(st.lists(hostile_texts, min_size=1, max_size=4))
def test_whichever_separator_a_program_takes_no_cell_begins_a_formula(texts: list[str]) -> None:
    written = line(texts)
    for separator in ",;\t":
        for row in csv.reader(io.StringIO(written, newline=""), delimiter=separator):
            for found in row:
                assert found.strip(HARMLESS.replace("'", ""))[:1] not in set(FORMULA_SIGNS), (separator, written)


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_a_line_is_one_row_with_its_cells(texts: list[str]) -> None:
    written = line(texts)
    assert written.endswith("\r\n")
    assert list(csv.reader(io.StringIO(written, newline=""))) == [[cell(text) for text in texts]]
