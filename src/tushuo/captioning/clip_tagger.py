"""Tags by a CLIP or SigLIP model, for any list of words, without training (zero-shot).

A word is put into sentences, and these are compared with the picture. The probability of a word
depends on the picture and the word alone, not on the other words of the list:

- SigLIP has learned the probability that a text belongs to a picture: the sigmoid of its logit.
- CLIP has learned only which of several texts fits a picture best: its logits have an unknown
  offset for each picture. The logit of sentences that name no thing, such as "a photo.", estimates
  it, and the sigmoid of the difference is the softmax over two: the word, or nothing in particular.

Neither is calibrated as the probabilities of a concept model are: nothing here knows how often
people use a word.
"""

import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import final

import msgspec
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from tushuo.captioning.captioner import Stop, only_result, require_list
from tushuo.captioning.evidence import Concept
from tushuo.captioning.picture_regions import encode_pictures
from tushuo.captioning.tagger import MOST
from tushuo.concepts.class_words import class_words
from tushuo.encoders.clip import ClipEncoder, load
from tushuo.errors import DataError, PictureError, SettingError
from tushuo.pictures.pixels import Picture
from tushuo.runtime import Progress, cache_folder, sha256, write_bytes
from tushuo.text.language import caption_language
from tushuo.text.tokenization import Language

SENTENCES: dict[Language, tuple[str, ...]] = {
    "en": ("a photo of {}.", "a picture of {}.", "a photo with {} in it."),
    "zh": ("一张{}的照片。", "{}的图片。", "照片里有{}。"),
}
NEUTRAL: dict[Language, tuple[str, ...]] = {
    "en": ("a photo.", "a picture.", "an image."),
    "zh": ("一张照片。", "图片。", "一张图像。"),
}


@final
class ClipTagger:
    """A tagger made of a CLIP or SigLIP model and a list of words.

    The words are embedded once, when it is made, and kept in the cache folder for the next time.

    Args:
        encoder: the model.
        words: the words, or groups of words, each once; None: those of ImageNet's classes.
        language: language of the sentences, and of the words where none are given.
        progress: called with sentences embedded and sentences in total.

    Raises:
        SettingError: there are no words, one is empty, or the model's tokenizer does not know one.
    """

    def __init__(
        self,
        encoder: ClipEncoder,
        words: Sequence[str] | None = None,
        *,
        language: Language = "en",
        progress: Progress | None = None,
    ):
        self.words: tuple[str, ...] = _checked(
            [word for group in class_words(language) for word in group] if words is None else words
        )
        _require_known(encoder, self.words)
        self._encoder = encoder
        groups = [[text.format(word) for text in SENTENCES[language]] for word in self.words]
        means = _cached_means(encoder, [*groups, NEUTRAL[language]], progress)
        self._words, self._neutral = means[:-1], means[-1]

    def tag(self, picture: Picture, *, most: int = MOST) -> list[Concept]:
        """Return a picture's most probable words, best first.

        Raises:
            PictureError: the picture cannot be opened.
        """
        return only_result(self.tag_batch([picture], most=most))

    def tag_batch(
        self, pictures: Sequence[Picture], *, most: int = MOST, stop: Stop | None = None
    ) -> list[list[Concept] | PictureError]:
        """Return each picture's words, without boxes, or its error; see `Tagger`."""
        require_list(pictures)
        if most < 1:
            raise SettingError(f"most was {most}, but must be at least 1")
        encoded = encode_pictures(
            self._encoder.spec,
            lambda squares: [*self._log_odds(self._encoder(squares)[:, 0]).cpu()],
            pictures,
            encoded_type=Tensor,
            stop=stop,
        )
        return [
            one if isinstance(one, PictureError) else self._concepts(one, most) for one in encoded
        ]

    @torch.inference_mode()
    def _log_odds(self, pictures: Float[Tensor, "P D"]) -> Float[Tensor, "P W"]:
        """Return the log-odds of each word in each picture."""
        if self._encoder.family == "siglip":
            return self._encoder.scale * (pictures @ self._words.T) + self._encoder.bias
        return self._encoder.scale * (pictures @ (self._words - self._neutral).T)

    def _concepts(self, log_odds: Float[Tensor, " W"], most: int) -> list[Concept]:
        best = log_odds.argsort(descending=True, stable=True)[:most].tolist()
        probabilities = log_odds.double().sigmoid()
        return [
            Concept(word=self.words[number], probability=float(probabilities[number]))
            for number in best
        ]


def load_clip_tagger(
    source: Path | str,
    words: Sequence[str] | None = None,
    *,
    language: Language = "en",
    device: str | torch.device = "cpu",
    progress: Progress | None = None,
) -> ClipTagger:
    """Load a CLIP or SigLIP model as a tagger; see `encoders.clip.load` and `ClipTagger`."""
    return ClipTagger(load(source, device=device), words, language=language, progress=progress)


def read_words(path: Path) -> list[str]:
    """Read a list of words: a word, or group of words, in each line; empty lines are left out.

    Raises:
        DataError: the file cannot be read, is not UTF-8, or has no words.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise DataError(f"{path} cannot be read: {reason}; expected a word in each line") from error
    words = [line.strip() for line in lines if line.strip()]
    if not words:
        raise DataError(f"{path} has no words; expected a word in each line")
    return words


def _checked(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words, each once."""
    if isinstance(words, str):
        raise SettingError(f"words was the text {words!r}, but must be a list of words")
    if not words:
        raise SettingError("words was an empty list; name at least one word to find")
    if not all(word.strip() for word in words):
        raise SettingError("a word was empty; leave it out of words")
    return tuple(dict.fromkeys(words))


def _cached_means(
    encoder: ClipEncoder, groups: Sequence[Sequence[str]], progress: Progress | None
) -> Float[Tensor, "G D"]:
    """Return the mean embedding of each group of as many sentences, from the cache folder.

    The means are not brought to length 1, so that their logits are the means of logits. A SigLIP
    model of usual size needs minutes on a processor for a thousand words.
    """
    sentences = [text for group in groups for text in group]
    content = [encoder.spec.weights, len(groups), *map(encoder.token_ids, sentences)]
    key = sha256(msgspec.json.encode(content))[:32]
    file = cache_folder() / "clip-words" / f"{key}.safetensors"
    if file.is_file():
        with suppress(SafetensorError):  # damaged since it was written
            return load_file(file)["means"].clone().to(encoder.device)  # aligned in memory
    embeddings = encoder.captions(sentences, progress=progress)
    means = embeddings.view(len(groups), -1, embeddings.shape[1]).mean(dim=1)
    write_bytes(file, save({"means": means.cpu()}))
    return means


def _require_known(encoder: ClipEncoder, words: Sequence[str]) -> None:
    """Refuse words that the tokenizer replaces by its token for the unknown; warn of others."""
    if encoder.family == "clip" and caption_language(words) == "zh":
        warnings.warn(
            "the words are Chinese, but most CLIP models have learned from English alone; use a "
            "model that has learned from both, such as google/siglip2-base-patch16-224",
            stacklevel=2,
        )
    unknown = [word for word in words if encoder.unknown_token in encoder.token_ids(word)]
    if unknown:
        raise SettingError(
            f"the model's tokenizer does not know {len(unknown)} of {len(words)} words, such as "
            f"{unknown[0]!r}; leave them out, or use a model for their language"
        )
