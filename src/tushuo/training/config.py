"""Settings of a training; nothing heavy is imported, since the command line makes flags of them."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from tushuo.errors import SettingError

_ABOVE_ZERO = (
    "epochs", "epoch_steps", "batch_size", "learning_rate", "encoder_rate", "clip_norm", "patience",
)  # fmt: skip
_SHARES = (
    "label_smoothing", "word_dropout", "region_dropout", "scheduled_sampling", "average",
    "stochastic_depth",
)  # fmt: skip
_OF_PEOPLE = ("label_smoothing", "word_dropout", "scheduled_sampling", "doubly_stochastic")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of the training; docs/training.md says what each costs and gave."""

    epochs: Annotated[int, "passes over the training captions"] = 20
    epoch_steps: Annotated[int | None, "end an epoch after so many steps; all captions"] = None
    batch_size: Annotated[int, "captions a step, at least; pictures stay whole"] = 64
    learning_rate: Annotated[float, "of Adam; the highest, where it changes"] = 1e-3
    encoder_rate: Annotated[
        float | None, "rate of the encoder's upper blocks, which learn too; off: they do not"
    ] = None
    stochastic_depth: Annotated[
        float, "share of the pictures for which a block of the encoder that learns is left out"
    ] = 0.0
    warm_up: Annotated[float, "epochs over which the rate rises from 0"] = 0.0
    schedule: Annotated[
        Literal["constant", "cosine"], "cosine lets the rate fall to 0 at the last epoch"
    ] = "constant"
    weight_decay: Annotated[float, "of AdamW; 0: off"] = 0.0
    clip_norm: Annotated[float | None, "gradients are scaled down to this norm"] = 5.0
    label_smoothing: Annotated[float, "share of each word's target spread over all words"] = 0.0
    word_dropout: Annotated[float, "share of the words told that become unknown"] = 0.0
    scheduled_sampling: Annotated[
        float, "share of the words told that are the decoder's own, at the end; rises from 0"
    ] = 0.0
    doubly_stochastic: Annotated[
        float, "weight of the penalty on regions that a caption's words leave unseen"
    ] = 0.0
    region_dropout: Annotated[float, "share of the regions' numbers that become 0"] = 0.0
    views: Annotated[str | None, "draw only from these views, as plain,flip; all there are"] = None
    average: Annotated[
        float, "caption with a moving average of the weights that keeps this share a step; 0: off"
    ] = 0.0
    best_by: Annotated[
        Literal["loss", "cider"], "the best epoch: lowest validation loss, or highest CIDEr"
    ] = "loss"
    patience: Annotated[int | None, "stop after so many epochs without a better one"] = None
    samples: Annotated[
        int | None, "self-critical: learn from so many captions of its own a picture; wants --from"
    ] = None
    bleu_weight: Annotated[float, "self-critical: reward CIDEr-D plus this times BLEU-4"] = 0.0
    precision: Annotated[
        Literal["float32", "bfloat16"], "bfloat16 is faster where the machine has it"
    ] = "float32"
    seed: Annotated[int, "decides first weights, order, dropout and split"] = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name in _ABOVE_ZERO:
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise SettingError(f"{name} was {value}, it must be above 0 and finite")
        for name in _SHARES:
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise SettingError(f"{name} was {value}, it must be at least 0 and below 1")
        for name in ("warm_up", "weight_decay", "doubly_stochastic", "bleu_weight"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise SettingError(f"{name} was {value}, it must be at least 0 and finite")
        if self.stochastic_depth and self.encoder_rate is None:
            raise SettingError(
                f"stochastic_depth was {self.stochastic_depth}, but no block of the encoder "
                "learns; name --encoder-rate too, or leave it out"
            )
        self._refuse_what_has_no_effect()

    def _refuse_what_has_no_effect(self) -> None:
        if self.samples is None:
            if self.bleu_weight:
                raise SettingError(
                    f"bleu_weight was {self.bleu_weight}, but no caption is rewarded; take "
                    "--recipe self_critical, or leave it out"
                )
            return
        if self.samples < 2:
            raise SettingError(
                f"samples was {self.samples}, it must be at least 2: each is judged by the others"
            )
        for name in _OF_PEOPLE:
            if getattr(self, name):
                raise SettingError(
                    f"{name} was {getattr(self, name)} with samples {self.samples}, but only "
                    "learning from what people said has that; take --recipe self_critical and "
                    f"leave {name} out"
                )
