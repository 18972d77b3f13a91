"""The icons: those that pages show, and no others."""

import re
from pathlib import Path
from typing import Final

from portal.web.icons import icon

ROOT: Final = Path(__file__).resolve().parents[2]
THERE: Final = {file.stem for file in (ROOT / "static" / "vendor" / "tabler-icons").glob("*.svg")}


def words_in_quotes() -> set[str]:
    sources = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "portal").rglob("*.py")]
    return {word for file in sources for word in re.findall(r"[\"']([a-z0-9-]+)[\"']", file.read_text("utf-8"))}


def test_no_icon_lies_there_that_no_page_shows() -> None:
    assert THERE - words_in_quotes() == set()


def test_every_icon_that_a_template_names_is_there() -> None:
    named = {
        name
        for file in (ROOT / "templates").rglob("*.html")
        for name in re.findall(r"icon\([\"']([a-z0-9-]+)[\"']\)", file.read_text("utf-8"))
    }
    assert named
    assert named - THERE == set()


def test_an_icon_is_nothing_to_be_read_aloud() -> None:
    assert 'aria-hidden="true" focusable="false"' in icon("send")
