"""Settings of a training; nothing heavy is imported, since the command line makes flags of them."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from tushuo.errors import SettingError
from tushuo.setting_types import convert_settings

_POSITIVE = (
    "epochs", "epoch_steps", "batch_size", "learning_rate", "encoder_rate", "clip_norm", "patience",
)  # fmt: skip
_PROBABILITIES = (
    "label_smoothing", "word_dropout", "region_dropout", "scheduled_sampling", "average",
    "stochastic_depth",
)  # fmt: skip
_NOT_NEGATIVE = ("warm_up", "weight_decay", "doubly_stochastic", "bleu_weight")
_CROSS_ENTROPY_ONLY = ("label_smoothing", "word_dropout", "scheduled_sampling", "doubly_stochastic")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of a training; docs/training.md lists their costs and measured effects."""

    epochs: Annotated[int, "passes over the training captions"] = 20
    epoch_steps: Annotated[
        int | None, "end an epoch after this many steps instead of after all captions"
    ] = None
    batch_size: Annotated[
        int, "captions per step, or a few more, since a step takes all captions of its pictures"
    ] = 64
    learning_rate: Annotated[
        float, "learning rate of Adam; with --warm-up or --schedule cosine, its highest value"
    ] = 1e-3
    encoder_rate: Annotated[
        float | None,
        "learning rate for fine-tuning the encoder's last blocks; without it they stay frozen",
    ] = None
    stochastic_depth: Annotated[
        float, "with --encoder-rate: probability of skipping a residual branch for a picture"
    ] = 0.0
    warm_up: Annotated[float, "epochs over which the learning rate rises from 0"] = 0.0
    schedule: Annotated[
        Literal["constant", "cosine"], "learning rate schedule; cosine falls to 0 at the last epoch"
    ] = "constant"
    weight_decay: Annotated[float, "weight decay of AdamW; 0: off"] = 0.0
    clip_norm: Annotated[
        float | None, "maximum gradient norm; larger gradients are scaled down"
    ] = 5.0
    label_smoothing: Annotated[
        float, "share of each target that is spread evenly over the vocabulary"
    ] = 0.0
    word_dropout: Annotated[float, "probability of replacing an input word by the unknown word"] = (
        0.0
    )
    scheduled_sampling: Annotated[
        float,
        "probability of replacing an input word by one that the decoder predicts; rises from 0 to "
        "this at the last epoch",
    ] = 0.0
    doubly_stochastic: Annotated[
        float, "weight of the penalty on regions that a caption attends to too little or too much"
    ] = 0.0
    region_dropout: Annotated[float, "dropout probability of the region features"] = 0.0
    views: Annotated[
        str | None, "use only these views, as plain,flip; unset: all views of the store"
    ] = None
    average: Annotated[
        float, "decay per step of the moving average of the weights that generates captions; 0: off"
    ] = 0.0
    best_by: Annotated[
        Literal["loss", "cider"],
        "how the best epoch is chosen: lowest validation loss, or highest CIDEr",
    ] = "loss"
    patience: Annotated[int | None, "stop after this many epochs without improvement"] = None
    samples: Annotated[
        int | None,
        "self-critical training on this many sampled captions per picture; requires --from",
    ] = None
    bleu_weight: Annotated[
        float, "self-critical training: reward CIDEr-D plus this weight times BLEU-4"
    ] = 0.0
    precision: Annotated[
        Literal["float32", "bfloat16"], "bfloat16 is faster on hardware that supports it"
    ] = "float32"
    seed: Annotated[int, "seed of initial weights, batch order, dropout and random split"] = 0

    def __post_init__(self) -> None:
        """Refuse values of other types or out of range, and settings without effect."""
        convert_settings(self)
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise SettingError(f"{name} must be above 0 and finite, got {value}")
        for name in _PROBABILITIES:
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise SettingError(f"{name} must be at least 0 and below 1, got {value}")
        for name in _NOT_NEGATIVE:
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise SettingError(f"{name} must be at least 0 and finite, got {value}")
        if self.stochastic_depth and self.encoder_rate is None:
            raise SettingError(
                f"stochastic_depth {self.stochastic_depth} only applies when the encoder is "
                "fine-tuned; also pass --encoder-rate, or leave it out"
            )
        self._refuse_without_effect()

    def _refuse_without_effect(self) -> None:
        if self.samples is None:
            if self.bleu_weight:
                raise SettingError(
                    f"bleu_weight {self.bleu_weight} applies to self-critical training only; pass "
                    "--recipe self_critical, or leave it out"
                )
            return
        if self.samples < 2:
            raise SettingError(
                "samples must be at least 2, since the baseline of each sampled caption is the "
                f"mean reward of the others; got {self.samples}"
            )
        for name in _CROSS_ENTROPY_ONLY:
            if getattr(self, name):
                raise SettingError(
                    f"{name} {getattr(self, name)} applies to cross-entropy training only, not to "
                    f"self-critical training (--samples {self.samples}); pass --recipe "
                    f"self_critical, or leave {name} out"
                )
