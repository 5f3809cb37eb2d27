"""Knowledge distillation: other runs' word probabilities as targets beside the references."""

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from tushuo.decoders.precision import at_least_float32
from tushuo.encoders.split_encoder import weights_hash
from tushuo.errors import SettingError
from tushuo.features.regions import Regions
from tushuo.old_names import signed_weights
from tushuo.runs.ensemble import ensemble
from tushuo.runs.run import Run
from tushuo.runs.weights import merge_weights
from tushuo.signatures import require_same, signature
from tushuo.text.vocabulary import Vocabulary
from tushuo.training.batches import Batch


@final
class Teachers:
    """Runs whose mean probability of each next word is distilled: word-level distillation.

    Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, section 2; for sequences,
    Kim and Rush, "Sequence-Level Knowledge Distillation", EMNLP 2016, section 3.1.

    Differs from the papers: there is no temperature.

    Args:
        runs: the teachers; one is enough.
        regions: the regions of the student's store, as the teachers' encoder computes them.
        weight: share of the loss that compares with the teachers, from 0 to 1.

    Raises:
        SettingError: the weight is out of range.
        SignatureError: the teachers differ in vocabulary or encoder, or the store has another
            encoder.
    """

    def __init__(self, runs: Sequence[Run], regions: Regions, weight: float):
        if not 0 <= weight <= 1:
            raise SettingError(f"teacher_weight must be from 0 to 1, got {weight}")
        joint = ensemble(runs)
        require_same(
            joint.config.encoder.signature,
            regions.spec.signature,
            what="the encoder of the teachers and that of the store",
            cure="choose teachers that were trained with the encoder of this store",
        )
        self.runs, self.weight = runs, weight
        self._decoder, self._regions = joint.decoder, regions

    @property
    def signature(self) -> str:
        """One line with the hashes of the teachers' weights and their share of the loss."""
        weights = (signed_weights(merge_weights(run.decoder, run.head)) for run in self.runs)
        hashes = [weights_hash(one) for one in weights]
        return signature(teachers="+".join(hashes), weight=self.weight)

    def require_fit(self, tokenizer: str, vocabulary: Vocabulary, store: str) -> None:
        """Refuse a student with another vocabulary or another store.

        Args:
            tokenizer: the student's tokenizer.
            vocabulary: the student's vocabulary.
            store: signature of the regions that the student is trained on.

        Raises:
            SignatureError: they differ.
        """
        config = self.runs[0].config
        require_same(
            signature(words=config.tokenizer, vocabulary=config.vocabulary),
            signature(words=tokenizer, vocabulary=vocabulary.hash),
            what=f"the vocabularies of the teacher {self.runs[0].folder} and of the student",
            cure="train both on the same captions with the same tokenizer and vocabulary options",
        )
        require_same(
            self._regions.signature,
            store,
            what="the teachers' store and the student's",
            cure="use one store for both",
        )

    def __call__(self, batch: Batch, views: Sequence[int] | None) -> Float[Tensor, "N V"]:
        """Return the teachers' probabilities of the next words.

        They read the student's pictures and views themselves, in full precision, and are teacher
        forced with the reference words, without any dropout.

        Args:
            batch: captions and their pictures.
            views: view of each picture.
        """
        device = batch.targets.device
        with torch.no_grad():
            with torch.autocast(device.type, enabled=False):
                regions = self._regions.read(batch.rows, views).to(device)
            logits = self._decoder.to(device)(regions, batch.words, batch.pictures)
            return at_least_float32(logits).softmax(dim=-1)
