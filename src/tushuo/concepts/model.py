"""The files of a concept model: the words, their prior, and the detector's weights.

FOLDER/
  concepts.json         language, encoder, words, prior
  concepts.safetensors  the detector's weights, without the encoder's classifier
  evidence.npz          of the training pictures (saved_evidence.py); for training on text
"""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError

from tushuo.concepts.class_words import classes_of_words
from tushuo.concepts.detector import ConceptDetector
from tushuo.encoders.efficientnet_lite import load_classifier
from tushuo.encoders.spec import EncoderSpec
from tushuo.errors import WeightsError
from tushuo.quantization import dequantize, quantize
from tushuo.runtime import write_bytes
from tushuo.tensor_files import load_tensors, save_tensors
from tushuo.text.tokenization import Language

SETTINGS_FILE, WEIGHTS_FILE = "concepts.json", "concepts.safetensors"
FORMAT = 1
RECOMPUTED = ("classifier.weight", "classifier.bias", "listed")  # of other files


class ConceptSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Content of ``concepts.json``.

    Attributes:
        language: language of the words.
        encoder: the encoder whose regions the detector reads.
        words: the words.
        prior: log-odds of each word in the captions of an everyday photograph.
        learned: number of words with a learned detector.
    """

    format: int = FORMAT
    language: Language
    encoder: EncoderSpec
    words: list[str]
    prior: list[float]
    learned: int


@dataclass(frozen=True, kw_only=True)
class ConceptModel:
    """A concept model in memory."""

    settings: ConceptSettings
    detector: ConceptDetector = field(repr=False)

    def save(self, folder: Path) -> None:
        """Write the model; its matrices are rounded to 8 bits."""
        weights = {
            name: weight.contiguous()
            for name, weight in self.detector.state_dict().items()
            if name not in RECOMPUTED
        }
        matrices = {name: weight for name, weight in weights.items() if weight.ndim > 1}
        weights = {n: w for n, w in weights.items() if n not in matrices}
        weights |= quantize(matrices, "int8")
        content = msgspec.json.encode(self.settings)
        save_tensors(folder / WEIGHTS_FILE, weights)
        write_bytes(folder / SETTINGS_FILE, msgspec.json.format(content))

    @classmethod
    def load(cls, folder: Path) -> "ConceptModel":
        """Read a model.

        Raises:
            MissingPartError: the encoder's weights are not installed.
            WeightsError: a file is missing, damaged, or does not fit the other one.
        """
        try:
            settings = read_concept_settings(folder)
            weights, _ = load_tensors(folder / WEIGHTS_FILE)
            detector = empty_detector(settings)
            own = dequantize(weights) | {"learned": weights["learned"]}
            detector.load_state_dict(detector.state_dict() | own)
        except (OSError, KeyError, RuntimeError, SafetensorError, msgspec.DecodeError) as error:
            names = (SETTINGS_FILE, WEIGHTS_FILE)
            missing = [name for name in names if not (folder / name).is_file()]
            reason = f"it has no {missing[0]}" if missing else str(error).splitlines()[0]
            raise WeightsError(
                f"{folder} holds no concept model: {reason}; make one with: tushuo fit-tags "
                "(one that comes with tushuo: install tushuo again)"
            ) from error
        return cls(settings=settings, detector=detector.eval().requires_grad_(False))


def read_concept_settings(folder: Path) -> ConceptSettings:
    """Read ``concepts.json``.

    Raises:
        OSError: there is no such file.
        msgspec.DecodeError: it is damaged.
    """
    return msgspec.json.decode((folder / SETTINGS_FILE).read_bytes(), type=ConceptSettings)


def empty_detector(settings: ConceptSettings) -> ConceptDetector:
    """Build a detector with the encoder's classifier and the table of its classes.

    Raises:
        MissingPartError: the encoder's weights are not installed.
        SettingError: the encoder has no ImageNet classifier that can be read.
    """
    detector = ConceptDetector(
        width=settings.encoder.width, words=len(settings.words), learned=settings.learned
    )
    detector.classifier = load_classifier(settings.encoder.name)
    listed = classes_of_words(settings.words, settings.language)
    detector.listed.copy_(torch.from_numpy(listed))
    return detector
