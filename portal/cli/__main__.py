"""``./run CMD``: one file of this folder for each group of commands."""

from portal.cli import main

main()
