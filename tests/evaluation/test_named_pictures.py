"""Pictures found by the ids of captions."""

from pathlib import Path

import pytest

from tushuo.errors import DataError
from tushuo.evaluation.named_pictures import find_by_ids


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("7", "7.png"),
        ("7", "val/COCO_val2014_000000000007.jpg"),
        ("0007", "7.jpg"),
        ("dog.jpg", "a/b/dog.jpg"),
        ("dog", "a/dog.JPG"),
        ("b/dog.jpg", "a/b/dog.jpg"),
        ("b\\dog.jpg", "a/b/dog.jpg"),
    ],
)
def test_an_id_is_a_path_a_name_or_a_number(name: str, path: str, tmp_path: Path) -> None:
    for file in (path, "other.jpg", "70.jpg"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    (record,) = find_by_ids([name], tmp_path)
    assert (record.image_id, record.path) == (name, tmp_path / path)


def test_the_closest_name_is_taken(tmp_path: Path) -> None:
    for file in ("a/dog.jpg", "b/dog.jpg", "dog.png", "cat.png", "cat.jpg"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    found = find_by_ids(["b/dog.jpg", "dog.png", "cat.jpg"], tmp_path)
    assert [record.path for record in found] == [
        tmp_path / "b/dog.jpg", tmp_path / "dog.png", tmp_path / "cat.jpg",
    ]  # fmt: skip
    with pytest.raises(DataError, match=r"1 picture \(dog\.jpg\) could be several pictures: dog"):
        find_by_ids(["dog.jpg", "dog.png"], tmp_path)
    with pytest.raises(DataError, match=r"no picture for 2 pictures \(1, 2\)"):
        find_by_ids(["1", "dog.png", "2"], tmp_path)
    with pytest.raises(DataError, match="gone is no folder"):
        find_by_ids(["1"], tmp_path / "gone")
