"""Regions of a training on concepts: those of pictures, and simulated ones of captions alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tushuo.concepts.caption_words import CaptionWords
from tushuo.concepts.encoder import (
    PICTURE_STYLE,
    STYLES,
    TEXT_STYLE,
    concept_spec,
    select_concepts,
)
from tushuo.concepts.model import SETTINGS_FILE, WEIGHTS_FILE, ConceptModel
from tushuo.concepts.saved_evidence import SavedEvidence
from tushuo.concepts.simulation import EvidenceSimulator
from tushuo.data.record import NO_PICTURE, Record
from tushuo.data.text import read_text
from tushuo.errors import SettingError
from tushuo.features.regions import Regions
from tushuo.runtime import sha256, write_bytes
from tushuo.signatures import require_same, signature
from tushuo.text.tokenization import Language
from tushuo.training.options import TrainOptions
from tushuo.training.plan import TrainingPlan

BATCH = 64  # pictures whose evidence is computed at once


@final
@dataclass(frozen=True, kw_only=True)
class ConceptSource:
    """The concept model, the text and the store of a training on concepts."""

    folder: Path
    texts: Sequence[Path]
    language: Language
    stored: Regions

    @classmethod
    def of(cls, options: TrainOptions, stored: Regions | None) -> "ConceptSource | None":
        """Return the source that the options name; None where they name no concepts.

        Raises:
            SettingError: one of ``--concepts``, ``--text`` and ``--store`` is missing.
        """
        folder, texts = options.encoder.concepts, options.data.text
        if folder is None and not texts:
            return None
        if folder is None or not texts or stored is None:
            raise SettingError(
                "training on concepts requires --concepts, --text and --store; pass all three, or "
                "only --store to train on regions"
            )
        language = options.data.data_language
        return cls(folder=folder, texts=texts, language=language, stored=stored)

    def prepare(
        self, records: Sequence[Record], plan: TrainingPlan
    ) -> tuple[list[Record], Regions, TrainingPlan]:
        """Add records of the text, and return the concepts of all, and the plan of a decoder.

        Raises:
            DataError: a text cannot be read.
            WeightsError: the model or its evidence is missing or damaged.
            SignatureError: the store is of another encoder than the model's.
            SettingError: the model was fitted on other training pictures, or the decoder reads no
                concepts.
        """
        if plan.decoder != "transformer":
            raise SettingError(
                f"the decoder {plan.decoder} reads no concepts; use --decoder transformer, or "
                "--recipe concepts"
            )
        model = ConceptModel.load(self.folder)
        texts = text_records(self.texts, self.language)
        regions = concept_regions(self.folder, model, records, texts, self.stored)
        number = len(model.settings.words) + STYLES
        settings = plan.decoder_settings | {"concepts": number}
        return [*records, *texts], regions, replace(plan, decoder_settings=settings)

    def copy_model(self, folder: Path) -> None:
        """Copy the concept model into the run folder, without the evidence."""
        for name in (SETTINGS_FILE, WEIGHTS_FILE):
            write_bytes(folder / name, (self.folder / name).read_bytes())


def text_records(paths: Sequence[Path], language: Language) -> list[Record]:
    """Read captions without pictures, as records of the training split.

    Raises:
        DataError: a file cannot be read.
    """
    groups = [group for path in paths for group in read_text(path, language=language)]
    return [
        Record(image_id=f"text:{number}", path=NO_PICTURE, captions=group, split="train")
        for number, group in enumerate(groups)
    ]


def concept_regions(
    folder: Path,
    model: ConceptModel,
    records: Sequence[Record],
    texts: Sequence[Record],
    stored: Regions,
) -> Regions:
    """Return the concepts of pictures, and those drawn for captions without pictures.

    Training pictures have the evidence that was saved when the concepts were fitted, of detectors
    that did not see them; all other pictures that of the model. What is drawn for a text differs
    each time it is read, and depends on torch's random state.

    Args:
        folder: folder of the concept model, with the evidence.
        model: the concept model.
        records: captioned pictures.
        texts: records of `text_records`.
        stored: regions of the pictures.

    Raises:
        WeightsError: the evidence is missing or damaged.
        SignatureError: the regions are of another encoder than the model's.
        SettingError: the model was fitted on other training pictures.
    """
    require_same(
        model.settings.encoder.signature,
        stored.spec.signature,
        what="the concept model's encoder and the store's",
        cure="use the store that the concepts were fitted on",
    )
    saved = SavedEvidence.load(folder)
    simulator = EvidenceSimulator(saved, model.detector.listed.amax(0).bool().numpy())
    training = [r.image_id for r in records if r.split == "train" and r.image_id in stored.rows]
    evidence = saved.of(training)
    pictures = _PictureConcepts.detect(model, stored)
    rows = torch.tensor([stored.rows[image_id] for image_id in training], dtype=torch.long)
    pictures.log_odds[rows] = torch.from_numpy(evidence)
    pictures.log_odds.add_(torch.from_numpy(simulator.base).float())
    words = CaptionWords(
        (caption for record in (*records, *texts) for caption in record.captions),
        model.settings.language,
    )
    drawn = _TextConcepts(model, simulator, [words(record.captions) for record in texts])
    spec, first = concept_spec(model), len(pictures.log_odds)
    digest = sha256(repr([record.captions for record in texts]).encode())[:16]
    store = sha256(stored.signature.encode())[:16]
    return Regions(
        rows=stored.rows | {record.image_id: first + n for n, record in enumerate(texts)},
        spec=spec,
        signature=signature(concepts=spec.weights, store=store, text=digest),
        read=_Source(pictures, drawn).read,
        failed=stored.failed,
        image_ids=stored.image_ids | {record.image_id for record in texts},
    )


@final
@dataclass(frozen=True)
class _PictureConcepts:
    """Log-odds of the concepts of all pictures, and their cells."""

    log_odds: Float[Tensor, "N C"]
    cells: Int[Tensor, "N C"]

    @classmethod
    @torch.no_grad()
    def detect(cls, model: ConceptModel, stored: Regions) -> "_PictureConcepts":
        """Compute the evidence of all pictures of a store."""
        count, words = 1 + max(stored.rows.values(), default=-1), len(model.settings.words)
        log_odds = torch.zeros(count, words)
        cells = torch.zeros(count, words, dtype=torch.long)
        for rows in torch.split(
            torch.tensor(sorted(stored.rows.values()), dtype=torch.long), BATCH
        ):
            spec = stored.spec
            evidence = model.detector(stored.read(rows.tolist()), spec.rows, spec.columns)
            log_odds[rows], cells[rows] = evidence.log_ratios, evidence.cells
        return cls(log_odds, cells)

    def read(self, rows: Int[Tensor, " n"]) -> Float[Tensor, "n K three"]:
        """Return the concepts of some pictures."""
        return select_concepts(self.log_odds[rows], self.cells[rows], PICTURE_STYLE)


@final
class _TextConcepts:
    """Draws the concepts of captions without pictures."""

    def __init__(
        self, model: ConceptModel, simulator: EvidenceSimulator, words: Sequence[set[str]]
    ):
        index = {word: column for column, word in enumerate(model.settings.words)}
        self._columns = [[index[word] for word in each if word in index] for each in words]
        self._prior = np.array(model.settings.prior, np.float32)
        self._simulator = simulator

    def read(self, numbers: Int[Tensor, " n"]) -> Float[Tensor, "n K three"]:
        """Draw the concepts of some texts."""
        generator = np.random.default_rng(int(torch.randint(2**31, ())))
        present = self._present(numbers)
        log_odds = torch.from_numpy(self._simulator.draw(present, generator) + self._prior)
        nowhere = torch.zeros_like(log_odds, dtype=torch.long)
        return select_concepts(log_odds, nowhere, TEXT_STYLE)

    def _present(self, numbers: Int[Tensor, " n"]) -> Bool[np.ndarray, "n C"]:
        present = np.zeros((len(numbers), len(self._prior)), bool)
        for row, number in enumerate(numbers.tolist()):
            present[row, self._columns[number]] = True
        return present


@final
@dataclass(frozen=True)
class _Source:
    """Concepts of pictures and of texts, whose rows follow those of the pictures."""

    pictures: _PictureConcepts
    texts: _TextConcepts

    def read(
        self, rows: Sequence[int], views: Sequence[int] | None = None
    ) -> Float[Tensor, "P K three"]:
        """Return the concepts of these rows; see `ReadRegions`."""
        chosen, first = torch.tensor(rows), len(self.pictures.log_odds)
        is_text = chosen >= first
        parts = self.pictures.read(chosen[~is_text])
        concepts = parts.new_empty(len(rows), *parts.shape[1:])
        concepts[~is_text] = parts
        if is_text.any():
            concepts[is_text] = self.texts.read(chosen[is_text] - first)
        return concepts
