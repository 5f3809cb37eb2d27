"""docs/cli.md, which scripts/cli_reference.py generates."""

import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "cli_reference.py"


def test_the_command_line_reference_is_current() -> None:
    script = runpy.run_path(str(SCRIPT))
    page = script["PAGE"].read_text(encoding="utf-8")
    message = "docs/cli.md differs from the commands; run: python scripts/cli_reference.py"
    assert page == script["reference"](), message


def test_the_reference_lists_commands_arguments_and_shared_options_once() -> None:
    lines = runpy.run_path(str(SCRIPT))["reference"]().splitlines()
    for line in (
        "## tushuo data check",
        "## tushuo caption",
        "    tushuo train DATA --output PATH [OPTIONS]",
        "    tushuo caption [PICTURES...] [OPTIONS]",
    ):
        assert lines.count(line) == 1, line
    assert sum(line.startswith("| `--beam-size INT` |") for line in lines) == 1
    assert sum(line.startswith("| `--store PATH` |") for line in lines) > 1
