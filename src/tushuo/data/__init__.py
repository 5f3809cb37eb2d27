"""Caption data: read any common form into a list of records."""

from pathlib import Path

from tushuo.data.entry import Entry, Form
from tushuo.data.forms import FORMS
from tushuo.data.reading import FileRead, Reading, read_data
from tushuo.data.record import Record, Split
from tushuo.errors import DataError
from tushuo.text.tokenization import Language

__all__ = ["FORMS", "Entry", "FileRead", "Form", "Reading", "Record", "Split", "read", "read_files"]


def read(
    path: Path | str, *, images: Path | str | None = None, language: Language = "en"
) -> list[Record]:
    """Read caption data; its form is recognised by its content (docs/data.md).

    Args:
        path: a file, or a folder with such files or with pictures and text files.
        images: folder of the pictures; None: they are searched beside the file and below DATA.
        language: language of the captions to read, where a folder has English and Chinese ones.

    Raises:
        DataError: there is no data of a known form, it is broken, a picture is in two splits, or
            there is no such folder of pictures.
    """
    return read_files(path, images=images, language=language).records


def read_files(
    path: Path | str, *, images: Path | str | None = None, language: Language = "en"
) -> Reading:
    """Read caption data as `read` does, and tell which files were read and passed over."""
    images = Path(images) if images is not None else None
    if images is not None and not images.is_dir():
        raise DataError(f"{images} is not a folder; name the folder of the pictures with --images")
    return read_data(Path(path), images, language)
