"""Options and fixtures of the whole suite."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--endurance", action="store_true", help="run the long form of the endurance tests")
