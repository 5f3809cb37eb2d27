"""The forms of caption data, and the recognition of a file's form by its content."""

from contextlib import suppress
from dataclasses import dataclass

import msgspec
from msgspec import Raw

from tushuo.data.archives import (
    is_parquet,
    is_tar,
    read_parquet,
    read_tar,
)
from tushuo.data.coco import is_coco, read_coco
from tushuo.data.content import Content
from tushuo.data.entry import Form
from tushuo.data.flickr import is_bars, is_tokens, read_bars, read_tokens
from tushuo.data.json_rows import (
    is_lines,
    is_list,
    is_mapping,
    is_textcaps,
    read_lines,
    read_list,
    read_mapping,
    read_textcaps,
)
from tushuo.data.karpathy import is_karpathy, read_karpathy
from tushuo.data.table import is_table, is_unnamed_table, read_table
from tushuo.errors import DataError
from tushuo.file_kinds import kind_of

# In the order of preference where a folder contains several; a file has the first form that
# recognises it.
FORMS: dict[str, Form] = {
    "tokens": Form(title="Flickr token file", recognises=is_tokens, read=read_tokens),
    "karpathy": Form(title="Karpathy JSON", recognises=is_karpathy, read=read_karpathy),
    "bars": Form(title="Flickr30k results.csv", recognises=is_bars, read=read_bars),
    "table": Form(title="table", recognises=is_table, read=read_table),
    "lines": Form(title="JSON lines", recognises=is_lines, read=read_lines),
    "coco": Form(title="MS-COCO JSON", recognises=is_coco, read=read_coco),
    "textcaps": Form(title="TextCaps JSON", recognises=is_textcaps, read=read_textcaps),
    "list": Form(title="JSON list", recognises=is_list, read=read_list),
    "mapping": Form(title="JSON of names", recognises=is_mapping, read=read_mapping),
    "unnamed": Form(title="table", recognises=is_unnamed_table, read=read_table),
    "tar": Form(title="WebDataset tar", recognises=is_tar, read=read_tar),
    "parquet": Form(title="parquet", recognises=is_parquet, read=read_parquet),
}
ARCHIVES = ("tar", "parquet")
AFTER_TEXTS = ("unnamed", *ARCHIVES)  # read only where no text files lie beside pictures


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why a file is no caption data.

    Attributes:
        reason: the end of a sentence that begins with the file's name.
        damaged: it may be caption data that is broken.
    """

    reason: str
    damaged: bool = False


def recognise(content: Content) -> str | Unknown:
    """Return the name of a file's form, or why it has none."""
    try:
        kind = kind_of(content.head, content.path.name)
        if kind and not is_parquet(content):
            return Unknown(f"is {kind}; {_advice(kind)}")
        for name in (*ARCHIVES, *FORMS):  # archives are no text
            if FORMS[name].recognises(content):
                return name
        return _why_unknown(content)
    except DataError as error:
        return Unknown(str(error), damaged=True)


def _why_unknown(content: Content) -> Unknown:
    if not content.first_text.strip():
        return Unknown("is empty")
    first = content.first_lines[0][:60] if content.first_lines else ""
    if content.is_json:
        top = content.json
        return Unknown(f"is JSON without pictures and captions; {_describe_keys(top)}")
    if content.first_object is not None:
        return Unknown(f"lacks image and caption in its first line, {first!r}")
    if content.path.suffix.lower() in (".csv", ".tsv"):
        return Unknown(
            "has no columns of pictures and captions, such as image and caption; it begins with "
            f"{first!r}"
        )
    return Unknown("is text without names of pictures")


def _advice(kind: str) -> str:
    if "spreadsheet" in kind:
        return "save it as CSV in UTF-8"
    if "Arrow" in kind:
        return "save the data set as parquet"
    return "unpack it and name the folder" if "archive" in kind else "convert it to a known form"


def _describe_keys(top: dict[str, Raw] | list[Raw]) -> str:
    """Describe the keys of a file, or of the first item of its list; say what conversations are."""
    keys, what = list(top) if isinstance(top, dict) else [], "it has the keys"
    if isinstance(top, list):
        with suppress(msgspec.DecodeError):
            keys = list(msgspec.json.decode(top[0], type=dict[str, Raw])) if top else []
        what = "its first item has the keys"
    if {"conversations", "messages"} & set(keys):
        return "it has conversations; write the answers that describe a picture as its caption"
    if "images" in keys:
        what = "expected annotations with a caption beside images, but it has the keys"
    return f"{what} {', '.join(keys[:8])}" if keys else "it is a list of other items"
