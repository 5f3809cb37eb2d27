"""Results folders: what was written is read back."""

from pathlib import Path

import numpy as np
import pytest

from tests.report.conftest import deletion_test
from tushuo.errors import DataError, SignatureError
from tushuo.evaluation.results import (
    attention_to_bytes,
    read_curve,
    read_deletion_test,
    read_results,
    read_settings,
    save_deletion_test,
)


def test_maps_keep_their_shape_a_byte_a_cell() -> None:
    maps = np.array([[[0.5, 0.25], [0.25, 0.0]], [[0.1, 0.2], [0.3, 0.4]]], np.float32)
    assert list(attention_to_bytes(maps)) == [255, 128, 128, 0, 64, 128, 191, 255]
    assert attention_to_bytes(np.zeros((0, 9, 9), np.float32)) == b""


def test_curves_and_settings_of_a_run(tmp_path: Path) -> None:
    assert read_curve(tmp_path) == []
    assert read_settings(tmp_path) is None
    (tmp_path / "log.csv").write_text("epoch,train_loss,val_cider\n1,3.5,\n2,3.0,0.4\n")
    (tmp_path / "run.json").write_text('{"format": 1}')
    assert read_curve(tmp_path)[1] == {"epoch": 2, "train_loss": 3.0, "val_cider": 0.4}
    assert read_curve(tmp_path)[0]["val_cider"] is None
    assert read_settings(tmp_path) == {"format": 1}


@pytest.mark.parametrize(("name", "text"), [("log.csv", "epoch\nx\n"), ("run.json", "{")])
def test_damaged_files_of_a_run_are_named(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=f"{name} cannot be read"):
        (read_curve if name == "log.csv" else read_settings)(tmp_path)


def test_a_deletion_test_is_read_beside_the_scores_it_is_of(tmp_path: Path) -> None:
    assert read_deletion_test(tmp_path, "") is None
    found = deletion_test("run:1|weights:2|search:greedy,max_words=40")
    save_deletion_test(tmp_path, found)
    scores = "metrics:1|tokenizer:ptb|run:1|search:greedy,max_words=40"
    for path in (tmp_path, tmp_path / "scores.json"):
        assert read_deletion_test(path, scores) == found
    assert read_deletion_test(tmp_path, "metrics:1|tokenizer:ptb") == found  # nobody's captions
    assert read_deletion_test(tmp_path / "other.json", scores) is None
    assert read_results(tmp_path).scores == {}  # a folder of its own
    with pytest.raises(SignatureError, match="differ in search: greedy,max_words=40 against beam"):
        read_deletion_test(tmp_path, "metrics:1|run:1|search:beam")
    (tmp_path / "deletion_test.json").write_text("{")
    with pytest.raises(DataError, match=r"deletion_test\.json cannot be read"):
        read_deletion_test(tmp_path, scores)
