"""Recipes: all choices of a training under one name. Options of the command line go before them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tushuo.encoders import DEFAULT_ENCODER
from tushuo.search.config import SearchConfig
from tushuo.text.vocabulary import VocabularyConfig
from tushuo.training.config import TrainConfig
from tushuo.training.plan import TrainingPlan


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is chosen from pictures to captions.

    Attributes:
        encoder: who looks at the pictures.
        upto: blocks of the encoder that stay as they came where its upper ones learn; None: all.
        views: other looks at each picture that ``extract`` keeps.
        max_captions: how many captions are used; None for all.
        learn: words, decoder, training and search.
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
    """Works offline, in minutes on a laptop: the default encoder at rest, a GRU with a deep output.

    Against learning by heart: smoothing, dropouts, weight decay, averaged weights, a falling rate,
    and the epoch that captions best.

    On Flickr8k (docs/results.md, "One option at a time"): looking once takes 5 minutes of two
    cores, an epoch 2 to 4 of one, in bfloat16. After six epochs, on the validation pictures, CIDEr
    is 0.463 greedily and 0.492 with beams, BLEU-4 0.201; with another seed 0.475, 0.521 and 0.207.
    """
    beams = SearchConfig(search="beam", no_immediate_repeat=True)
    return Recipe(plan=TrainingPlan(decoder_settings=_DEEP, training=_REGULARISED, search=beams))


def best() -> Recipe:
    """Takes an hour or two: the encoder's upper blocks learn too, on larger pictures, three views.

    The captions are those most like what the run itself would say (``--search consensus``). A
    reward can follow: ``train --from RUN --recipe self_critical``.

    On Flickr8k (docs/results.md, "Larger pictures, crops, blocks left out"; one core, bfloat16):
    looking once takes 25 minutes, the nine epochs 48. On the validation pictures CIDEr is 0.541
    greedily and 0.596 by its own search, BLEU-4 0.225; three tenths of the reward bring 0.605 and
    0.235.
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


def lesson() -> Recipe:
    """Reproduce the lesson's choices; docs/lesson.md lists them, and what is done differently.

    30,000 captions of a seeded shuffle, InceptionV3, 5,000 words, embedding 256, units 512, batch
    64, 20 epochs of Adam at 1e-3 with neither dropout nor clipping, captions by sampling.

    On Flickr8k with EfficientNet-Lite2 (docs/results.md; InceptionV3 has not been tried): 3 to 4
    minutes an epoch, of which the third is the best. On the validation pictures CIDEr is
    0.134 and BLEU-4 0.051 with the lesson's drawn captions, 0.348 and 0.149 greedily.
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
    """Go on from a run with a reward for its own captions; wants ``--from``.

    On Flickr8k (docs/results.md, "What was put on top"; one core, bfloat16), from a run of
    ``best``, 200 steps take 105 seconds. On the validation pictures greedy CIDEr goes from 0.541
    to 0.551, by consensus from 0.596 to 0.590, BLEU-4 from 0.225 to 0.242, for a quarter fewer
    words.
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
    "self_critical": self_critical,
}
