"""Cells of a CSV file that a spreadsheet program opens as text, whatever somebody has written into them.

Source:
    RFC 4180; OWASP, "CSV Injection".
"""

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

_FORMULA: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"  # and their full-width forms, which some programs take for them
_BEFORE: Final = "\\s\"'\ufeff\u200b-\u200f\u2060"  # what a program may leave out before it looks
_BEGINS: Final = re.compile(rf"^[{_BEFORE}]*[{_FORMULA}]")
_BREAKS: Final = re.compile(r"[\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
_OTHER_SEPARATOR: Final = re.compile(rf";(?=[{_BEFORE}]*[{_FORMULA}])")
"""In half of the world a spreadsheet parts cells at semicolons, and then quotes do not hold ours together."""


def cell(text: str) -> str:
    """The text on one line, and with an apostrophe before whatever would begin a formula."""
    text = _OTHER_SEPARATOR.sub(";'", _BREAKS.sub(" ", text))
    return f"'{text}" if _BEGINS.match(text) else text


def line(texts: Iterable[str]) -> str:
    """One line of the file, with its CRLF; every cell is quoted."""
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow([cell(text) for text in texts])
    return written.getvalue()
