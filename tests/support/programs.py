"""Programs of the operating system that some tests need."""

import os
import shutil
from pathlib import Path
from typing import Final, NoReturn

import pytest

_FOLDERS: Final = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))
"""Where Debian keeps its daemons, which an ordinary user's PATH leaves out, is looked at too."""


def need(*names: str) -> tuple[Path, ...]:
    """The paths of programs; a test that cannot have them is skipped, naming what is missing.

    Under ``PORTAL_TEST_STRICT=1`` it fails instead: nothing is left untested in silence.
    """
    found = {name: shutil.which(name, path=_FOLDERS) for name in names}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        do_without(f"not installed: {', '.join(missing)}")
    return tuple(Path(path) for path in found.values() if path is not None)


def need_root(why: str) -> None:
    """Skip, or fail under ``PORTAL_TEST_STRICT=1``, when the tests do not run as root."""
    if os.geteuid() != 0:
        do_without(f"not root: {why}")


def do_without(what: str) -> NoReturn:
    """Skip, or fail under ``PORTAL_TEST_STRICT=1``, saying what is not here."""
    if os.environ.get("PORTAL_TEST_STRICT") == "1":
        pytest.fail(what)
    pytest.skip(what)
