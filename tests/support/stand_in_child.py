"""A tiny program in place of one of the demo's: writes its process id to a file and does as its mood says.

``python -m tests.support.stand_in_child FILE MOOD``; with the mood "family" it has a child of its own, which
writes to ``FILE.child``.
"""

import os
import signal
import sys
import time
from pathlib import Path


def main() -> None:
    file, mood = Path(sys.argv[1]), sys.argv[2]
    if mood == "broken":
        sys.exit(4)
    if mood == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mood == "family" and os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        file = file.with_suffix(".child")
    new = file.with_name(f"{file.name}.new")  # of each its own: parent and child write at the same moment
    new.write_text(str(os.getpid()))
    new.replace(file)
    time.sleep(60)


if __name__ == "__main__":
    main()
