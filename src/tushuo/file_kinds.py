"""Kinds of files that are often given by mistake, by their first bytes."""

from pathlib import PurePath

HEAD_BYTES = 16
SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")
ZIP = "a ZIP archive or a spreadsheet"
KINDS = {
    b"PK\x03\x04": ZIP,
    b"\xd0\xcf\x11\xe0": "a spreadsheet or another file of Microsoft Office",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\xff\xff\xff\xff": "an Arrow stream",
    b"\x93NUMPY": "an array of numpy",
    b"\x89HDF": "an HDF5 file",
    b"SQLite": "a SQLite database",
    b"%PDF": "a PDF document",
    b"\x80": "a pickle",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG": "a PNG picture",
}


def kind_of(head: bytes, name: str) -> str | None:
    """Return what a file is, if it is of a kind that has no captions as text.

    Args:
        head: its first bytes, at least ``HEAD_BYTES`` of them.
        name: its name, which distinguishes spreadsheets from other ZIP archives.
    """
    kind = next((kind for start, kind in KINDS.items() if head.startswith(start)), None)
    if kind != ZIP:
        return kind
    ending = PurePath(name).suffix.lower()
    return (
        "a spreadsheet" if ending in SPREADSHEETS else "a ZIP archive" if ending == ".zip" else ZIP
    )
