"""Requests of the script in our own pages (htmx): they ask for a part of a page, and follow its headers."""

from typing import Final

from flask import request

RELOAD: Final = {"HX-Refresh": "true"}
"""Headers that make the whole page load anew."""


def is_htmx() -> bool:
    return "HX-Request" in request.headers
