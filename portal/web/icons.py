"""Tabler's icons, inlined: ``{{ icon("send") }}``."""

from functools import cache
from pathlib import Path
from typing import Final

from flask import Flask
from markupsafe import Markup

_FOLDER: Final = Path(__file__).parents[2] / "static" / "vendor" / "tabler-icons"


def init_app(app: Flask) -> None:
    app.jinja_env.globals["icon"] = icon


@cache
def icon(name: str) -> Markup:
    """The picture, hidden from screen readers: the words beside it say what it means.

    Raises:
        FileNotFoundError: It is not among the icons in ``static/vendor/tabler-icons``.
    """
    svg = (_FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    shown = svg.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
    return Markup(shown)  # noqa: S704 - our own file, not what somebody typed
