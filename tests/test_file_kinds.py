"""Files that are given by mistake are named by their kind."""

import io
import zipfile

import pytest

from tests.data.made import picture
from tushuo.file_kinds import HEAD_BYTES, kind_of


def zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a", "b")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (zipped(), "a.zip", "a ZIP archive"),
        (zipped(), "a.XLSX", "a spreadsheet"),
        (picture(), "a", "a JPEG picture"),
        (b"ARROW1\0\0", "a.arrow", "an Arrow file"),
        (b"image,caption\n", "a.csv", None),
        (b"", "a.csv", None),
    ],
)
def test_kinds(content: bytes, name: str, kind: str | None) -> None:
    assert kind_of(content[:HEAD_BYTES], name) == kind
