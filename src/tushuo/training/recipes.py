"""Recipes: all choices of a training under one name; options that are set replace them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tushuo.encoders import DEFAULT_ENCODER
from tushuo.search.config import SearchConfig
from tushuo.text.vocabulary import VocabularyConfig
from tushuo.training.config import TrainConfig
from tushuo.training.plan import TrainingPlan


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The choices from pictures to captions.

    Attributes:
        encoder: name of the encoder.
        frozen_blocks: blocks of the encoder that stay frozen if it is fine-tuned; None: all.
        views: augmented views of each picture that ``extract`` stores.
        max_captions: number of captions to use; None: all.
        plan: tokenizer, vocabulary, decoder, training and search.
    """

    encoder: str = DEFAULT_ENCODER
    frozen_blocks: int | None = None
    views: str | None = None
    max_captions: int | None = None
    plan: TrainingPlan = field(default_factory=TrainingPlan)


_DEEP: dict[str, int | float | str | None] = {"output": "deep", "attention": 256, "dropout": 0.5}
_REGULARISED = TrainConfig(
    epochs=8,
    batch_size=120,
    label_smoothing=0.1,
    word_dropout=0.05,
    region_dropout=0.1,
    weight_decay=0.01,
    schedule="cosine",
    average=0.998,
    best_by="cider",
)


def small() -> Recipe:
    """Train in minutes on a laptop, offline: a frozen encoder and a GRU with a deep output layer.

    Regularised by label smoothing, dropout, weight decay, a moving average of the weights and a
    decaying learning rate; the best epoch is chosen by CIDEr.

    On Flickr8k (docs/results.md) extraction takes 5 minutes on two cores, an epoch 2 to 4 minutes
    on one, in bfloat16. After six epochs, on the validation pictures, CIDEr is 0.463 with greedy
    decoding and 0.492 with beam search, BLEU-4 0.201; with another seed 0.475, 0.521 and 0.207.
    """
    search = SearchConfig(search="beam", no_immediate_repeat=True)
    return Recipe(plan=TrainingPlan(decoder_settings=_DEEP, training=_REGULARISED, search=search))


def best() -> Recipe:
    """Train in an hour or two: the encoder's last blocks are fine-tuned, on larger pictures.

    Each picture has augmented views, and captions are chosen by consensus (``--search consensus``).
    Self-critical training can follow: ``train --from RUN --recipe self_critical``.

    On Flickr8k (docs/results.md; one core, bfloat16) extraction takes 25 minutes, the training 48.
    On the validation pictures CIDEr is 0.541 with greedy decoding and 0.596 with consensus, BLEU-4
    0.225; blended with self-critical training at a share of 0.3, 0.605 and 0.235.
    """
    return Recipe(
        encoder="efficientnet_lite2@320",
        frozen_blocks=16,
        views="flip,crop",
        plan=TrainingPlan(
            vocabulary=VocabularyConfig(min_count=4),
            decoder_settings=_DEEP,
            training=replace(
                _REGULARISED, epochs=9, encoder_rate=5e-5, stochastic_depth=0.2, warm_up=0.5
            ),
            search=SearchConfig(search="consensus", beam_size=10, no_immediate_repeat=True),
        ),
    )


def concepts() -> Recipe:
    """Train on captions without pictures, by the concepts that a detector might find in theirs.

    Requires ``--concepts``, ``--text`` and ``--store``: the model that ``tushuo fit-tags`` makes,
    the captions, and the regions that the model was fitted on. A Transformer reads concepts instead
    of regions, so the captioner describes what the text describes (docs/concepts.md).

    With Flickr8k and the captions of 40,000 other MS-COCO pictures (docs/results.md; bfloat16) a
    training takes about 80 minutes of one core, or two and a half on an H100. On 112 other MS-COCO
    photographs CIDEr is 0.764, where the shipped captioner of Flickr8k's pictures has 0.424; on
    Flickr8k's validation pictures it is 0.31, not 0.610.
    """
    return Recipe(
        encoder="efficientnet_lite2@320",
        plan=TrainingPlan(
            vocabulary=VocabularyConfig(size=4500, min_count=8),
            decoder="transformer",
            decoder_settings={"units": 256, "layers": 2, "dropout": 0.1},
            training=TrainConfig(
                epochs=4,
                batch_size=400,
                warm_up=0.1,
                schedule="cosine",
                label_smoothing=0.1,
                weight_decay=0.01,
                average=0.995,
            ),
            search=SearchConfig(
                search="beam", beam_size=10, no_immediate_repeat=True, evidence_weight=0.05
            ),
        ),
    )


def lesson() -> Recipe:
    """Reproduce the choices of the lesson; docs/lesson.md lists them and the differences.

    Adam with a constant learning rate, without dropout or clipping; captions are sampled.

    On Flickr8k with EfficientNet-Lite2 (docs/results.md; InceptionV3 has not been measured) an
    epoch takes 3 to 4 minutes, and the third is the best. On the validation pictures CIDEr is 0.134
    and BLEU-4 0.051 with sampling, as in the lesson, and 0.348 and 0.149 with greedy decoding.
    """
    return Recipe(
        encoder="inception_v3",
        max_captions=30_000,
        plan=TrainingPlan(
            vocabulary=VocabularyConfig(size=5000, min_count=1),
            decoder_settings={"embedding": 256, "units": 512, "dropout": 0.0},
            training=TrainConfig(epochs=20, batch_size=64, learning_rate=1e-3, clip_norm=None),
            search=SearchConfig(search="sample"),
        ),
    )


def self_critical() -> Recipe:
    """Continue the training of a run with a reward for sampled captions; requires ``--from``.

    On Flickr8k (docs/results.md; one core, bfloat16), from a run of ``best``, 200 steps take 105
    seconds. On the validation pictures CIDEr rises from 0.541 to 0.551 with greedy decoding and
    falls from 0.596 to 0.590 with consensus; BLEU-4 rises from 0.225 to 0.242; the captions use a
    quarter fewer different words.
    """
    return Recipe(
        plan=TrainingPlan(
            training=TrainConfig(
                epochs=4,
                epoch_steps=75,
                batch_size=100,
                learning_rate=2e-5,
                best_by="cider",
                samples=5,
            )
        )
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    "small": small,
    "best": best,
    "lesson": lesson,
    "concepts": concepts,
    "self_critical": self_critical,
}
