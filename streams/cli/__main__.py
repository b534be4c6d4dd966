"""`python -m streams.cli`: the same command line, for those who know only the interpreter."""

from streams.cli.main import main

main()
