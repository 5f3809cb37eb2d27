"""Files, folders and globs become picture paths."""

from pathlib import Path

from tushuo.pictures.finding import describe_folder, find_pictures


def test_find_pictures(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    for name in ("2.PNG", "1.jpg", "note.txt", "a b/3.webp", "a b/4.HEIC"):
        (tmp_path / name).write_bytes(b"")
    found = [p.name for p in find_pictures([str(tmp_path)])]
    assert found == ["1.jpg", "2.PNG", "3.webp", "4.HEIC"]
    assert [p.name for p in find_pictures([f"{tmp_path}/*.jpg"])] == ["1.jpg"]
    (tmp_path / "none").mkdir()
    assert find_pictures([f"{tmp_path}/none"]) == [tmp_path / "none"]  # named, not passed over
    assert find_pictures([f"{tmp_path}/no.jpg"]) == [tmp_path / "no.jpg"]


def test_a_folder_is_described_without_walking_the_tree(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "1.jpg").write_bytes(b"")
    assert "without pictures; expected files with an extension of .avif" in describe_folder(
        tmp_path
    )
    for name in ("b.png", "a.JPG"):
        (tmp_path / name).write_bytes(b"")
    assert describe_folder(tmp_path).endswith(f"such as {tmp_path / 'a.JPG'}")
