"""What readers return: the pictures of a caption file, as the file names them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tushuo.data.record import Split

if TYPE_CHECKING:
    from tushuo.data.content import Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Captions of one picture, before the picture is located.

    Attributes:
        name: the picture's file as the data names it, perhaps with folders, perhaps without ending.
        captions: captions as written.
        split: the data's own split, if it states one here.
        image_id: the data's identifier; None: the name.
    """

    name: str
    captions: tuple[str, ...]
    split: Split | None = None
    image_id: int | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form of caption data.

    Attributes:
        title: its name in messages.
        recognises: whether a file has this form, decided by its content.
        read: reads such a file; raises DataError where it is broken.
    """

    title: str
    recognises: "Callable[[Content], bool]"
    read: "Callable[[Content], list[Entry]]"
