"""What a training learns from beside people: what other runs would say next."""

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from tushuo.decoders.precision import at_least_float32
from tushuo.encoders.split_encoder import weights_hash
from tushuo.errors import SettingError
from tushuo.features.regions import Regions
from tushuo.runs.ensemble import ensemble
from tushuo.runs.run import Run, merge_weights
from tushuo.signatures import require_same, signature
from tushuo.text.vocabulary import Vocabulary
from tushuo.training.batches import Batch


@final
class Teachers:
    """Runs whose mean probability of each next word is learned from: word-level distillation.

    Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, section 2; of sequences,
    Kim and Rush, "Sequence-Level Knowledge Distillation", EMNLP 2016, section 3.1.

    Differs from the papers: probabilities are taken as they are, without a temperature.

    Args:
        runs: the teachers; one is enough.
        regions: of the student's store, as the teachers see them.
        weight: share of the loss that is theirs, from 0 to 1.

    Raises:
        SettingError: the weight is no share.
        SignatureError: their words or encoders are not the same, or the store is of another one.
    """

    def __init__(self, runs: Sequence[Run], regions: Regions, weight: float):
        if not 0 <= weight <= 1:
            raise SettingError(f"teacher_weight was {weight}, it must be from 0 to 1")
        joint = ensemble(runs)
        require_same(
            joint.config.encoder.signature,
            regions.spec.signature,
            what="the teachers' encoder and the store's",
            cure="let runs teach that look through the encoder of this store",
        )
        self.runs, self.weight = runs, weight
        self._decoder, self._regions = joint.decoder, regions

    @property
    def signature(self) -> str:
        """One line that names them by their weights, and what they weigh."""
        hashes = [weights_hash(merge_weights(run.decoder, run.head)) for run in self.runs]
        return signature(teachers="+".join(hashes), weight=self.weight)

    def require_fit(self, tokenizer: str, vocabulary: Vocabulary, store: str) -> None:
        """Refuse to teach a run of other words or of another store.

        Args:
            splitting: how its captions become words.
            vocabulary: its words.
            store: signature of what its regions come from.

        Raises:
            SignatureError: they differ.
        """
        theirs = self.runs[0].config
        require_same(
            signature(words=theirs.tokenizer, vocabulary=theirs.vocabulary),
            signature(words=tokenizer, vocabulary=vocabulary.hash),
            what=f"the words of {self.runs[0].folder} and of the run that it is to teach",
            cure="train both on the same captions with the same choice of words",
        )
        require_same(
            self._regions.signature,
            store,
            what="the teachers' store and the run's",
            cure="let them look at the same store",
        )

    def __call__(self, batch: Batch, views: Sequence[int] | None) -> Float[Tensor, "N V"]:
        """Return the probabilities of the words that come next.

        They look for themselves, in full precision as they learned to, at the views that the
        student sees, and hear people's words: nothing is dropped.

        Args:
            batch: captions and their pictures.
            views: of each picture.
        """
        device = batch.targets.device
        with torch.no_grad():
            with torch.autocast(device.type, enabled=False):
                regions = self._regions.read(batch.rows, views).to(device)
            logits = self._decoder.to(device)(regions, batch.words, batch.pictures)
            return at_least_float32(logits).softmax(dim=-1)
