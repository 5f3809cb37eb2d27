"""What a picture shows, as words with probabilities and places: ``tushuo tags``.

    from tushuo.captioning.tagger import load_tagger

    for concept in load_tagger().tag("photo.jpg"):
        print(concept.word, concept.probability)

A tagger of another library is a class with `words` and `tag_batch`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, final, runtime_checkable

import torch

from tushuo import encoders
from tushuo.captioning.captioner import Stop, require_list
from tushuo.captioning.picture_regions import PictureRegions, encode_pictures
from tushuo.concepts.model import ConceptModel
from tushuo.device import require_device
from tushuo.encoders.spec import Encoder, FieldOfView
from tushuo.errors import PictureError, SettingError
from tushuo.models import shipped
from tushuo.pictures.pixels import Picture
from tushuo.signatures import require_same
from tushuo.text.tokenization import Language

MOST = 10  # concepts returned for a picture
FOLDER = "concepts"  # of a shipped model


@dataclass(frozen=True, kw_only=True)
class Concept:
    """A word, and how probable it is that the picture shows it.

    Attributes:
        word: a caption word.
        probability: that a word like it occurs in one of five captions that people write.
        box: left, top, right and bottom of the region with most of the evidence, as shares of the
            part of the picture that the encoder reads; None where a tagger knows no place.
    """

    word: str
    probability: float
    box: tuple[float, float, float, float] | None = None


@runtime_checkable
class Tagger(Protocol):
    """Pictures in, concepts out."""

    @property
    def words(self) -> Sequence[str]:
        """All words that it can return."""
        ...

    def tag_batch(
        self, pictures: Sequence[Picture], *, most: int = MOST, stop: Stop | None = None
    ) -> list[list[Concept] | PictureError]:
        """Return each picture's most probable concepts, best first, or its error, in order.

        Raises:
            SettingError: ``pictures`` is a single picture, or ``most`` is below 1.
            StoppedError: ``stop`` returned True.
        """
        ...


@final
class ConceptTagger:
    """A tagger made of an encoder and a concept model.

    Args:
        model: the concept model.
        encoder: the encoder that it was fitted on.
        device: where both run.

    Raises:
        SignatureError: the encoder is not the one that the model was fitted on.
    """

    def __init__(
        self, model: ConceptModel, encoder: Encoder, *, device: str | torch.device = "cpu"
    ):
        require_same(
            model.settings.encoder.signature,
            encoder.spec.signature,
            what="the concept model's encoder and the one that is installed",
            cure="restore the encoder's original weights, or fit the concepts again",
        )
        self._model, self._encoder, self._device = model, encoder, torch.device(device)
        self._detector = model.detector.to(self._device)
        self._prior = torch.tensor(model.settings.prior, device=self._device)

    @property
    def words(self) -> Sequence[str]:
        """All words that it can return."""
        return self._model.settings.words

    @property
    def field_of_view(self) -> FieldOfView:
        """The part of a picture that boxes lie in."""
        return self._encoder.spec.field_of_view

    def tag(self, picture: Picture, *, most: int = MOST) -> list[Concept]:
        """Return a picture's most probable concepts, best first.

        Raises:
            PictureError: the picture cannot be opened.
        """
        (concepts,) = self.tag_batch([picture], most=most)
        if isinstance(concepts, PictureError):
            raise concepts
        return concepts

    def tag_batch(
        self, pictures: Sequence[Picture], *, most: int = MOST, stop: Stop | None = None
    ) -> list[list[Concept] | PictureError]:
        """Return each picture's concepts, or its error; see `Tagger`."""
        require_list(pictures)
        if most < 1:
            raise SettingError(f"most was {most}, but must be at least 1")
        encoded = encode_pictures(self._encoder, pictures, device=self._device, stop=stop)
        regions = [one.regions for one in encoded if isinstance(one, PictureRegions)]
        concepts = iter(self._tag_regions(torch.stack(regions), most) if regions else [])
        return [one if isinstance(one, PictureError) else next(concepts) for one in encoded]

    @torch.inference_mode()
    def _tag_regions(self, regions: torch.Tensor, most: int) -> list[list[Concept]]:
        spec = self._encoder.spec
        evidence = self._detector(regions, spec.rows, spec.columns)
        best = (evidence.log_ratios + self._prior).sigmoid().topk(min(most, len(self.words)))
        cells = evidence.cells.gather(1, best.indices)
        rows = zip(best.values.tolist(), best.indices.tolist(), cells.tolist(), strict=True)
        return [
            [
                Concept(word=self.words[index], probability=probability, box=self._box(cell))
                for probability, index, cell in zip(*row, strict=True)
            ]
            for row in rows
        ]

    def _box(self, cell: int) -> tuple[float, float, float, float]:
        spec = self._encoder.spec
        row, column = divmod(cell, spec.columns)
        return (
            column / spec.columns,
            row / spec.rows,
            (column + 1) / spec.columns,
            (row + 1) / spec.rows,
        )


def load_tagger(
    folder: Path | str | None = None, *, language: Language = "en", device: str = "cpu"
) -> ConceptTagger:
    """Load a concept model with its encoder.

    Args:
        folder: the model, made by ``tushuo fit-tags``; None: the one that comes with the package.
        language: language of the words, where ``folder`` is None.
        device: where it runs, such as ``cpu``, ``cuda`` or ``cuda:1``.

    Raises:
        RunError: the package has no model of the language.
        SettingError: there is no such device.
        WeightsError: the model or the encoder's weights are missing or damaged.
        SignatureError: another encoder is installed.
    """
    torch_device = require_device(device)
    model = ConceptModel.load(Path(folder) if folder else shipped(language) / FOLDER)
    encoder = encoders.load(model.settings.encoder.name, device=torch_device)
    return ConceptTagger(model, encoder, device=torch_device)
