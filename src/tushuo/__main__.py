"""Run the command line as ``python -m tushuo``."""

from tushuo.cli import main

main()
