"""What every captioner provides, whatever library its model comes from.

Our own captioner is `captioning.native.NativeCaptioner`. Captioning, scoring, calibration and the
report work with any captioner that follows this protocol; feature stores, the deletion test and
packing require a `NativeCaptioner`, since they need its regions or its decoder.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from tushuo.captioning.caption import Caption, Explanation, PartialCaption
from tushuo.errors import PictureError, SettingError, StoppedError
from tushuo.pictures.pixels import Picture
from tushuo.search.config import SearchConfig
from tushuo.text.tokenization import LANGUAGES, Language

Stop = Callable[[], bool]
"""Called before each picture is opened, before pictures are encoded, and after each decoding step;
True cancels with a ``StoppedError``."""

Result = TypeVar("Result")
TOP_WORDS = 5  # words listed at each step of an explanation


@dataclass(frozen=True, kw_only=True)
class CaptionerInfo:
    """What a captioner is.

    Attributes:
        name: name to show, such as the run's folder.
        language: language of its captions.
        weights: first 16 hex digits of the SHA-256 of its weights.
        search: its default search.
        device: where it runs, such as ``cpu`` or ``cuda:0``.
        has_attention: whether its captions carry attention maps.
        has_confidence: whether captions of its default search carry a confidence.
        has_familiarity: whether its captions carry the picture's familiarity.
        encoder: signature of the encoder whose pooled features its captions carry; None where they
            carry none.
        folder: the run folder; None where there is none.
        calibrations: folder in which its calibrations are saved, where it has no run folder.
        card: folder of its model card, where it has no run folder.
    """

    name: str
    language: Language
    weights: str
    search: SearchConfig
    device: str
    has_attention: bool
    has_confidence: bool
    has_familiarity: bool
    encoder: str | None = None
    folder: Path | None = None
    calibrations: Path | None = None
    card: Path | None = None


@runtime_checkable
class Captioner(Protocol):
    """Pictures in, captions out.

    Methods may be called from several threads at once. ``config`` replaces the default search.
    """

    @property
    def info(self) -> CaptionerInfo:
        """What it is."""
        ...

    def caption(
        self, picture: Picture, *, config: SearchConfig | None = None, stop: Stop | None = None
    ) -> Caption:
        """Caption one picture.

        Raises:
            PictureError: the picture cannot be opened.
            StoppedError: ``stop`` returned True.
        """
        ...

    def caption_batch(
        self,
        pictures: Sequence[Picture],
        *,
        config: SearchConfig | None = None,
        stop: Stop | None = None,
    ) -> list[Caption | PictureError]:
        """Caption several pictures at once; each gets the caption that it would get alone.

        Returns:
            One caption for each picture, in order, or the error of a picture that cannot be opened.

        Raises:
            SettingError: ``pictures`` is a single picture.
            StoppedError: ``stop`` returned True.
        """
        ...

    def stream(
        self, picture: Picture, *, config: SearchConfig | None = None
    ) -> Iterator[PartialCaption | Caption]:
        """Caption one picture word by word: partial captions, then the caption.

        Closing the iterator cancels the search.

        Raises:
            PictureError: the picture cannot be opened.
        """
        ...

    def explain(
        self,
        picture: Picture,
        *,
        config: SearchConfig | None = None,
        top_words: int = TOP_WORDS,
    ) -> Explanation:
        """Caption one picture, and list the most probable words at each step.

        Raises:
            PictureError: the picture cannot be opened.
        """
        ...

    def signature(self, config: SearchConfig | None = None) -> str:
        """Return one line that identifies the model, its exact weights and the search.

        Captioners with the same signature give the same captions.
        """
        ...

    def require_confidence(self, config: SearchConfig | None = None) -> None:
        """Raise an error that says how to get a confidence for captions of this search.

        Raises:
            RunError: the captioner was never calibrated.
            SignatureError: it was calibrated for another search or other weights.
        """
        ...


def require_list(pictures: object) -> None:
    """Refuse a single picture where a list of pictures is expected.

    Raises:
        SettingError: it is no list or other sequence.
    """
    content = isinstance(pictures, str | bytes | bytearray | memoryview)
    if content or not isinstance(pictures, Sequence):
        raise SettingError(
            f"caption_batch got an object of type {type(pictures).__name__}; pass a list of "
            "pictures, or one picture to caption"
        )


def only_result(results: Sequence[Result | PictureError]) -> Result:
    """Return what a batch of one picture gave.

    Raises:
        PictureError: the picture cannot be opened.
    """
    (result,) = results
    if isinstance(result, PictureError):
        raise result
    return result


def raise_if_stopped(stop: Stop | None) -> None:
    """Raise an error if the caller cancels.

    Raises:
        StoppedError: ``stop`` returned True.
    """
    if stop is not None and stop():
        raise StoppedError("captioning was cancelled by its caller before pictures were encoded")


def require_language(captioner: Captioner, language: Language) -> None:
    """Refuse a captioner of another language.

    Raises:
        SettingError: its captions are in another language.
    """
    own = captioner.info.language
    if own != language:
        raise SettingError(
            f"{captioner.info.name} captions in {LANGUAGES[own]}, but {LANGUAGES[language]} was "
            f"requested; choose the language {own!r}, or another run"
        )
