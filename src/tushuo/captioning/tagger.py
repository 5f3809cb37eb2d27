"""What a picture shows, as words with probabilities and places: ``tushuo tags``.

    from tushuo.captioning.tagger import load_tagger

    for concept in load_tagger().tag("photo.jpg"):
        print(concept.word, concept.probability)

A tagger of another library is a class with `words` and `tag_batch`; `clip_tagger` has one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, final, runtime_checkable

import torch

from tushuo import encoders
from tushuo.captioning.captioner import Stop, only_result, require_list
from tushuo.captioning.evidence import Concept, ConceptReader, PictureEvidence
from tushuo.captioning.picture_regions import encode_pictures, picture_evidence
from tushuo.concepts.encoder import ConceptEncoder
from tushuo.concepts.model import ConceptModel
from tushuo.device import require_device
from tushuo.encoders.hub import PREFIX
from tushuo.encoders.spec import Encoder, FieldOfView
from tushuo.errors import PictureError, SettingError
from tushuo.models import shipped
from tushuo.pictures.pixels import Picture
from tushuo.runs.pack import GENERAL
from tushuo.runtime import Progress
from tushuo.signatures import require_same
from tushuo.text.tokenization import Language

if TYPE_CHECKING:
    from tushuo.captioning.clip_tagger import ClipTagger

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
        return only_result(self.tag_batch([picture], most=most))

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
    folder: Path | str | None = None,
    *,
    words: Sequence[str] | None = None,
    language: Language = "en",
    device: str = "cpu",
    progress: Progress | None = None,
) -> "ConceptTagger | ClipTagger":
    """Load a concept model with its encoder, or a CLIP or SigLIP model.

    Args:
        folder: a concept model, made by ``tushuo fit-tags``; or ``hf:`` followed by the folder of a
            CLIP or SigLIP model, or by its repository of the Hugging Face hub, which is downloaded
            if the hub's cache lacks it; None: the concept model that comes with the package.
        words: of CLIP and SigLIP: the words to find; None: those of ImageNet's classes.
        language: language of the words, where ``folder`` is None or no ``words`` are given, and of
            the sentences that a CLIP or SigLIP model compares with pictures.
        device: where it runs, such as ``cpu``, ``cuda`` or ``cuda:1``.
        progress: of CLIP and SigLIP: called with sentences embedded and sentences in total.

    Raises:
        RunError: the package has no model of the language.
        SettingError: there is no such device; or ``words`` are empty, unknown to the model, or
            given for a concept model, which has its own.
        MissingPartError: a CLIP or SigLIP model requires transformers, which is not installed.
        WeightsError: the model or the encoder's weights are missing or damaged.
        SignatureError: another encoder is installed.
    """
    if folder is not None and str(folder).startswith(PREFIX):
        from tushuo.captioning.clip_tagger import load_clip_tagger

        return load_clip_tagger(folder, words, language=language, device=device, progress=progress)
    if words is not None:
        raise SettingError(
            "words were given, but a concept model has its own; name a CLIP or SigLIP model, as "
            "hf:FOLDER or hf:OWNER/MODEL"
        )
    torch_device = require_device(device)
    model = ConceptModel.load(Path(folder) if folder else shipped(language) / GENERAL)
    encoder = encoders.load(model.settings.encoder.name, device=torch_device)
    return ConceptTagger(model, encoder, device=torch_device)
