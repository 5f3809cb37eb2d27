"""What a picture shows, as words with probabilities and places: ``tushuo tags``.

    from tushuo.captioning.tagger import load_tagger

    for concept in load_tagger().tag("photo.jpg"):
        print(concept.word, concept.probability)

A tagger of another library is a class with `words` and `tag_batch`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, final, runtime_checkable

import torch

from tushuo import encoders
from tushuo.captioning.captioner import Stop, require_list
from tushuo.captioning.evidence import Concept, ConceptReader, PictureEvidence
from tushuo.captioning.picture_regions import encode_pictures, picture_evidence
from tushuo.concepts.encoder import ConceptEncoder
from tushuo.concepts.model import ConceptModel
from tushuo.device import require_device
from tushuo.encoders.spec import Encoder, FieldOfView
from tushuo.errors import PictureError, SettingError
from tushuo.models import shipped
from tushuo.pictures.pixels import Picture
from tushuo.runs.pack import GENERAL
from tushuo.signatures import require_same
from tushuo.text.tokenization import Language

MOST = 10  # concepts returned for a picture


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
        self._device = torch.device(device)
        self._encoder = ConceptEncoder(model, encoder)
        self._reader = ConceptReader(model.settings)

    @property
    def words(self) -> Sequence[str]:
        """All words that it can return."""
        return self._reader.words

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
        encoded = encode_pictures(
            self._encoder.spec,
            lambda squares: picture_evidence(self._encoder.detect(self._encoder.encoder(squares))),
            pictures,
            encoded_type=PictureEvidence,
            stop=stop,
        )
        return [
            one if isinstance(one, PictureError) else [*self._reader.concepts(one, most)]
            for one in encoded
        ]


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
    model = ConceptModel.load(Path(folder) if folder else shipped(language) / GENERAL)
    encoder = encoders.load(model.settings.encoder.name, device=torch_device)
    return ConceptTagger(model, encoder, device=torch_device)
