"""``./run CMD``: one file of this folder for each group of commands."""

import sys

from portal.cli import main
from portal.cli.installation import WRONG_USE, stop

try:
    for word in sys.argv[1:]:
        word.encode()
except UnicodeEncodeError:
    stop("A word of the command is not valid UTF-8.", WRONG_USE)
main()
