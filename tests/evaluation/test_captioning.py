"""Which pictures a run may be evaluated on, and how they are captioned."""

from pathlib import Path

import pytest

from tushuo.data.record import Record
from tushuo.errors import DataError
from tushuo.evaluation.captioning import split_of
from tushuo.runs.run import write_split


def test_no_run_of_an_ensemble_is_evaluated_on_its_training_pictures(tmp_path: Path) -> None:
    """Each run has a split of its own; the first one's is used, and no run may be trained on it."""
    data = [Record(image_id=name, path=Path(name), captions=("a",)) for name in "abcd"]
    runs = [tmp_path / name for name in ("one", "same", "other")]
    for run, train, val in zip(runs, ("abc", "ab", "cd"), ("d", "dc", "ab"), strict=True):
        run.mkdir()
        write_split(run, {"train": [*train], "val": [*val]})
    chosen, training = split_of(data, runs[:2], "val")
    assert [record.image_id for record in chosen] == ["d"]
    assert [record.image_id for record in training] == ["a", "b", "c"]
    with pytest.raises(DataError, match=r"other was trained on 1 of the 1 .*would be too high"):
        split_of(data, [runs[0], runs[2]], "val")
    assert len(split_of(data, runs, "train")[0]) == 3
