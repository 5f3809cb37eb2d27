"""Recipes: all choices of a training under one name. Options of the command line go before them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tushuo.encoders import DEFAULT_ENCODER
from tushuo.search.config import SearchConfig
from tushuo.train.config import TrainConfig
from tushuo.train.start import LearnConfig
from tushuo.vocabulary import VocabularyConfig


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
    upto: int | None = None
    views: str | None = None
    max_captions: int | None = None
    learn: LearnConfig = field(default_factory=LearnConfig)


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
    and the epoch that captions best. What it costs and gives on Flickr8k stands in docs/results.md;
    searches in docs/decoding.md.
    """
    beams = SearchConfig(search="beam", no_echo=True)
    return Recipe(learn=LearnConfig(decoder_settings=_DEEP, training=_REGULARISED, search=beams))


def best() -> Recipe:
    """Takes an hour or two: the encoder's upper blocks learn too, on larger pictures, three views.

    The captions are those most like what the run itself would say (``--search consensus``). A
    reward can follow: ``train --from RUN --recipe self_critical``. What each step costs and gives
    on Flickr8k stands in docs/results.md.
    """
    return Recipe(
        encoder="efficientnet_lite2@320",
        upto=16,
        views="flip,crop",
        learn=LearnConfig(
            vocabulary=VocabularyConfig(min_count=4),
            decoder_settings=_DEEP,
            training=replace(
                _REGULARISED, epochs=9, encoder_rate=5e-5, stochastic_depth=0.2, warm_up=0.5
            ),
            search=SearchConfig(search="consensus", beam_size=10, no_echo=True),
        ),
    )


def lesson() -> Recipe:
    """Reproduce the lesson's choices; docs/lesson.md lists them, and what is done differently.

    30,000 captions of a seeded shuffle, InceptionV3, 5,000 words, embedding 256, units 512, batch
    64, 20 epochs of Adam at 1e-3 with neither dropout nor clipping, captions by sampling.
    """
    return Recipe(
        encoder="inception_v3",
        max_captions=30_000,
        learn=LearnConfig(
            vocabulary=VocabularyConfig(words=5000, min_count=1),
            decoder_settings={"embedding": 256, "units": 512, "dropout": 0.0},
            training=TrainConfig(epochs=20, batch_size=64, learning_rate=1e-3, clip_norm=None),
            search=SearchConfig(search="sample"),
        ),
    )


def self_critical() -> Recipe:
    """Go on from a run with a reward for its own captions; wants ``--from``.

    What it costs and gives on Flickr8k stands in docs/results.md.
    """
    return Recipe(
        learn=LearnConfig(
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
