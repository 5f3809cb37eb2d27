"""A run on drawn scenes with the default encoder, for all commands."""

from pathlib import Path

import pytest

from tushuo.cli import main


def call(*arguments: object) -> int:
    """Run a command; return its exit code."""
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


@pytest.fixture(scope="session")
def run(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    assert call("extract", scenes, "--output", folder / "store") == 0
    arguments = ("--output", folder / "run", "--epochs", 2, "--batch-size", 20)
    assert call("train", scenes, "--store", folder / "store", *arguments) == 0
    return folder / "run"
