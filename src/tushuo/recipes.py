"""Recipes: all choices of a training under one name. Options of the command line go before them."""

from collections.abc import Callable
from dataclasses import dataclass, field

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
        max_captions: how many captions are used; None for all.
        learn: words, decoder, training and search.
    """

    encoder: str = DEFAULT_ENCODER
    max_captions: int | None = None
    learn: LearnConfig = field(default_factory=LearnConfig)


def small() -> Recipe:
    """Works offline, on a laptop: the default encoder, dropout against learning by heart, beams.

    What it costs and gives on Flickr8k stands in docs/results.md; searches in docs/decoding.md.
    """
    beams = SearchConfig(search="beam")
    return Recipe(learn=LearnConfig(decoder_settings={"dropout": 0.4}, search=beams))


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
    "lesson": lesson,
    "self_critical": self_critical,
}
