"""The demo's parent over stand-in children: ``python -m tests.support.stand_in_parent FOLDER NAME=MOOD …``."""

import asyncio
import os
import sys
from pathlib import Path

from portal.demo.parent import Child, run


def main() -> int:
    folder = Path(sys.argv[1])
    children = []
    for name, _, mood in (argument.partition("=") for argument in sys.argv[2:]):
        arguments = (str(folder / f"{name}.pid"), mood)
        children.append(Child(name, "tests.support.stand_in_child", arguments))
    said = folder / "said"

    def say(sentence: str) -> None:
        with said.open("a") as file:
            file.write(sentence + "\n")

    return asyncio.run(run(children, os.environ, when_up=(folder / "up").touch, say=say))


if __name__ == "__main__":
    sys.exit(main())
