"""What must be true of the repository itself."""

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT: Final = Path(__file__).resolve().parents[1]
LOCKS: Final = ("requirements.lock", "requirements-dev.lock")

# Put together here, so that this file does not contain what it looks for.
_REGISTRIES: Final = re.compile(
    "|".join(
        re.escape(".".join(labels))
        for labels in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("registry", "npmjs", "org"),
            ("registry", "yarnpkg", "com"),
            ("deb", "debian", "org"),
            ("pypi", "python", "org"),
        )
    )
)
_HOMES: Final = ("home", "Users", "root", "work", "tmp")
_MACHINE_PATH: Final = re.compile(rf"(?<![\w./:{{}}$~-])/(?:{'|'.join(_HOMES)})/[\w.-]")


def files() -> Iterator[Path]:
    """Every file that is, or would be, part of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return (path for path in paths if path.is_file())


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if pattern.search(line)
    ]


def pins(lock: str) -> dict[str, Version]:
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in found}


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_no_file_names_a_package_registry() -> None:
    assert lines_with(_REGISTRIES) == []


def test_no_file_names_a_path_of_one_machine() -> None:
    assert lines_with(_MACHINE_PATH) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_name_no_host_and_hash_every_package(lock: str) -> None:
    text = (ROOT / lock).read_text()
    blocks = re.split(r"\n(?=\S)", text.strip())

    assert "://" not in text
    assert len(blocks) == len(re.findall(r"^[\w.-]+==", text, re.MULTILINE)) > 20
    assert [block.partition("=")[0] for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_hold_what_pyproject_asks_for(lock: str) -> None:
    project = pyproject()
    wanted = list(project["project"]["dependencies"])
    if lock == "requirements-dev.lock":
        wanted += [requirement for group in project["dependency-groups"].values() for requirement in group]
    pinned = pins(lock)

    unmet = [
        text
        for text in wanted
        if (requirement := Requirement(text))
        and not requirement.specifier.contains(pinned.get(canonicalize_name(requirement.name), Version("0")))
    ]

    assert unmet == []


def test_the_lock_for_development_adds_to_the_lock_for_running_and_changes_nothing_in_it() -> None:
    running, development = map(pins, LOCKS)

    assert {name: development.get(name) for name in running} == running


@pytest.mark.parametrize(
    ("script", "first_line", "shell"),
    [("run", "#!/bin/sh", "sh"), (".ci/run", "#!/usr/bin/env bash", "bash")],
)
def test_scripts_are_executable_and_parse(script: str, first_line: str, shell: str) -> None:
    path = ROOT / script

    assert os.access(path, os.X_OK)
    assert path.read_text().splitlines()[0] == first_line
    subprocess.run([shell, "-n", path], check=True)


def test_run_keeps_to_posix_sh() -> None:
    bashisms = re.compile(
        r"\[\[|\bfunction \w|\blocal \b|<<<|\bsource \b|\$\{\w+[,^@]|&>|\bdeclare\b|=~|\w\+=|\bpipefail\b"
    )

    assert [line for line in (ROOT / "run").read_text().splitlines() if bashisms.search(line)] == []


def test_every_rule_the_linter_is_told_to_ignore_has_its_reason_beside_it() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    ruff = pyproject()["tool"]["ruff"]["lint"]
    ignored = [*ruff["ignore"], *(rule for rules in ruff["per-file-ignores"].values() for rule in rules)]
    explained = [found[1] for line in lines if (found := re.fullmatch(r'\s*"([A-Z]+\d*)",\s+# \S.{3,}', line))]

    assert ignored
    assert sorted(ignored) == sorted(explained)


def test_every_silenced_finding_in_the_code_has_its_reason_beside_it() -> None:
    silenced = re.compile(r"#\s*(?:noqa|type:\s*ignore)(?P<rest>.*)")
    rule = re.compile(r"[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|\[[\w, -]+\]")
    places = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files()
        if path.suffix == ".py" and path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (found := silenced.search(line)) and len(re.findall(r"\w{2,}", rule.sub("", found["rest"]))) < 2
    ]

    assert places == []


def test_the_licence_is_mit() -> None:
    text = (ROOT / "LICENSE").read_text()

    assert text.startswith("MIT License\n")
    assert "Waypost authors" in text
    assert pyproject()["project"]["license"] == "MIT"
