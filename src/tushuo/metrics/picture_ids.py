"""Which pictures hypotheses and references are of, and which hypothesis belongs to which."""

import re
from collections.abc import Iterable, Mapping

from tushuo.errors import DataError

MAX_LISTED = 5  # ids named in an error
# The parts of a file name that an id may lack: folders, COCO's prefix, zero-padding, the extension.
_FILE_NAME = re.compile(
    r"(?:.*[/\\])?(?:COCO_[a-z]+\d{4}_)?(?P<bare>.*?)(?:\.(?:jpe?g|png|webp|gif|bmp|tiff?))?",
    re.IGNORECASE | re.DOTALL,
)


def match_pictures(
    hypotheses: Mapping[str, str], references: Iterable[str]
) -> tuple[dict[str, str], list[str]]:
    """Name hypotheses as the references name the same pictures.

    Where the ids differ, but all are the same without folder, extension, COCO's prefix, spaces and
    zero-padding, and no two of them become equal, each hypothesis gets the id of its reference.

    Returns:
        The hypotheses, and a note on each change.

    Raises:
        DataError: the pictures differ.
    """
    names = list(references)
    if hypotheses.keys() != set(names):
        own, theirs = ({bare_id(name): name for name in ids} for ids in (hypotheses, names))
        if own.keys() == theirs.keys() and len(own) == len(hypotheses) == len(names):
            renamed = {theirs[bare]: hypotheses[name] for bare, name in own.items()}
            before, after = next((own[b], theirs[b]) for b in own if own[b] != theirs[b])
            return renamed, [
                "the hypotheses name pictures in another way than the references; they were "
                f"matched by number or file name, such as {show_id(before)} with {show_id(after)}"
            ]
    require_same_pictures(hypotheses, names)
    return dict(hypotheses), []


def require_same_pictures(hypotheses: Iterable[str], references: Iterable[str]) -> None:
    """Refuse hypotheses whose pictures are not exactly those of the references.

    Raises:
        DataError: with the ids that are missing and those that are too many.
    """
    captioned, referenced = dict.fromkeys(hypotheses), dict.fromkeys(references)
    missing = [name for name in referenced if name not in captioned]
    extra = [name for name in captioned if name not in referenced]
    problems = [f"no hypothesis for {list_pictures(missing)}"] if missing else []
    problems += [f"no reference for {list_pictures(extra)}"] if extra else []
    if problems:
        raise DataError(
            f"{' and '.join(problems)}; hypotheses and references must be of the same pictures: "
            "add what is missing, or leave these pictures out of both"
        )


def list_pictures(names: list[str]) -> str:
    """Return how many pictures there are, and the first ids."""
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    noun = "pictures" if len(names) > 1 else "picture"
    return f"{len(names)} {noun} ({', '.join(map(show_id, names[:MAX_LISTED]))}{more})"


def show_id(name: str) -> str:
    """Return an id as it is, or quoted where it has line breaks or other invisible characters."""
    return name if name.isprintable() and name else repr(name)


def bare_id(name: str) -> str:
    """Return an id without folder, extension, COCO's prefix, spaces and zero-padding."""
    match = _FILE_NAME.fullmatch(name.strip())
    bare = match["bare"] if match else name
    return (bare.lstrip("0") or "0") if bare.isdecimal() else bare
