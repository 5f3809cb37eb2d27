"""Files, folders and globs become picture paths."""

import os
import warnings
from pathlib import Path

import pytest

from tests.pictures.test_opening import GOOD
from tushuo.pictures.finding import describe_folder, find_pictures

PNG = GOOD["png"][0]


def test_find_pictures(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    for name in ("2.PNG", "1.jpg", "a b/3.webp", "a b/4.HEIC"):
        (tmp_path / name).write_bytes(b"")
    with warnings.catch_warnings(action="error"):  # nothing was passed over
        found = [p.name for p in find_pictures([str(tmp_path)])]
    assert found == ["1.jpg", "2.PNG", "3.webp", "4.HEIC"]
    assert [p.name for p in find_pictures([f"{tmp_path}/*.jpg"])] == ["1.jpg"]
    (tmp_path / "none").mkdir()
    assert find_pictures([f"{tmp_path}/none"]) == [tmp_path / "none"]  # named, not passed over
    assert find_pictures([f"{tmp_path}/no.jpg"]) == [tmp_path / "no.jpg"]


@pytest.mark.parametrize("name", [name for name in GOOD if GOOD[name][1] == (10, 20)])
def test_files_of_other_names_are_searched_by_content(name: str, tmp_path: Path) -> None:
    for file in ("photo", "photo.jpg_large", "photo.dat"):
        (tmp_path / file).write_bytes(GOOD[name][0])
    assert len(find_pictures([str(tmp_path)])) == 3


def test_what_is_passed_over_is_counted_in_one_warning(tmp_path: Path) -> None:
    for folder in (".thumbnails", "__MACOSX", "sub"):
        (tmp_path / folder).mkdir()
    for name in ("a.jpg", "._a.jpg", ".hidden.png", ".thumbnails/b.jpg", "__MACOSX/._a.jpg"):
        (tmp_path / name).write_bytes(PNG)
    for name in ("a.txt", "sub/b.txt", "sub/README", "c.json", "d.csv", "e.md", "f.mov"):
        (tmp_path / name).write_text("BM are the first letters of no bitmap")
    os.mkfifo(tmp_path / "pipe")  # opening it would wait
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.warns(UserWarning, match="passed over") as caught:
        assert find_pictures([str(tmp_path)]) == [tmp_path / "a.jpg"]
    (message,) = (str(one.message) for one in caught)
    assert message.startswith(f"{tmp_path}: 5 passed over as hidden or no pictures: 2 without ")
    assert message.endswith("extension, 1 .mov, 1 hidden, 1 linked folder")


def test_broken_links_and_damaged_pictures_are_kept_to_be_reported(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    (tmp_path / "page.jpg").write_text("<html>")
    (tmp_path / "folder.jpg").mkdir()
    assert [path.name for path in find_pictures([str(tmp_path)])] == ["gone.jpg", "page.jpg"]


def test_a_folder_is_described_without_walking_the_tree(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "1.jpg").write_bytes(b"")
    assert "without pictures; expected files with an extension of .apng" in describe_folder(
        tmp_path
    )
    for name in ("b.png", "a.JPG", ".a.jpg"):
        (tmp_path / name).write_bytes(b"")
    assert describe_folder(tmp_path).endswith(f"such as {tmp_path / 'a.JPG'}")
