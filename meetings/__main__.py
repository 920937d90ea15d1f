"""`python -m meetings`."""

from meetings.cli import main

main()
