"""Options of a training besides the settings of `TrainConfig`, declared once.

`tushuo.train` takes them as keywords and the command makes flags of them, so nothing heavy is
imported here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from tushuo.errors import SettingError
from tushuo.setting_types import convert_setting
from tushuo.training.config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Which captions and pictures are used, and how captions are tokenised."""

    images: Annotated[Path | None, "folder of the pictures"] = None
    data_language: Annotated[Literal["en", "zh"], "language of the captions in DATA"] = "en"
    tokenizer: Annotated[
        Literal["words", "characters", "jieba"] | None,
        "how captions become words; default: words for en, jieba for zh",
    ] = None
    split_by: Annotated[
        Literal["picture", "caption"], "unit of the random split, if DATA has no split of its own"
    ] = "picture"
    text: Annotated[
        list[Path] | None,
        "with --concepts: captions without pictures to train on as well; may be repeated",
    ] = None
    max_captions: Annotated[int | None, "use at most this many captions"] = None
    max_images: Annotated[int | None, "use at most this many pictures"] = None


@dataclass(frozen=True, kw_only=True)
class EncoderOptions:
    """Where the regions come from: a feature store, or an encoder that runs during training."""

    store: Annotated[
        Path | None, "feature store with the regions; without it they are computed on the fly"
    ] = None
    concepts: Annotated[
        Path | None,
        "with --store: read the concepts that this model, made by fit-tags, finds in its regions",
    ] = None
    encoder: Annotated[str | None, "encoder to use when there is no --store"] = None
    weights: Annotated[Path | None, "weights file of the encoder"] = None
    frozen_blocks: Annotated[
        int | None, "without --store, with --encoder-rate: number of blocks that stay frozen"
    ] = None


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """The recipe, and the decoder and vocabulary where they differ from it."""

    recipe: Annotated[
        Literal["small", "best", "lesson", "concepts", "self_critical"],
        "preset that supplies every option you do not set",
    ] = "small"
    decoder: Annotated[
        Literal["show_attend_gru", "top_down", "transformer"] | None,
        "decoder architecture; docs/training.md",
    ] = None
    vocabulary: Annotated[int | None, "maximum number of words in the vocabulary"] = None
    min_count: Annotated[int | None, "leave out words that occur less often than this"] = None
    dropout: Annotated[float | None, "dropout probability; reduces overfitting"] = None
    decoder_settings: Annotated[
        dict[str, float | bool | str] | None,
        "settings of the decoder, as --decoder-settings.units 256; docs/training.md",
    ] = None


@dataclass(frozen=True, kw_only=True)
class InitialisationOptions:
    """Earlier runs that the training starts from or learns from."""

    initial_run: Annotated[
        Path | None, "start from the vocabulary and weights of this run instead of random weights"
    ] = None
    teachers: Annotated[
        list[Path] | None,
        "run whose predictions are distilled into this one; repeat the option for an ensemble",
    ] = None
    teacher_weight: Annotated[
        float | None, "share of the loss that compares with the teachers; default: 0.5"
    ] = None


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """All options of a training.

    Attributes:
        data, encoder, model, initialisation: the options of each group.
        settings: settings of `TrainConfig` that replace those of the recipe.
    """

    data: DataOptions
    encoder: EncoderOptions
    model: ModelOptions
    initialisation: InitialisationOptions
    settings: dict[str, Any]


def parse_options(values: Mapping[str, Any]) -> TrainOptions:
    """Sort options by the class that declares them, and convert them to the declared types.

    Raises:
        SettingError: an option is unknown, or its value has the wrong type.
    """
    kinds = (DataOptions, EncoderOptions, ModelOptions, InitialisationOptions, TrainConfig)
    hints = {name: hint for kind in kinds for name, hint in get_type_hints(kind).items()}
    for name in values:
        if name not in hints:
            near = get_close_matches(name, hints, 1)
            closest = f" (closest: {near[0]})" if near else ""
            raise SettingError(f"{name} is not an option of train{closest}; see docs/training.md")
    parsed = {name: convert_setting(name, value, hints[name]) for name, value in values.items()}
    data, encoder, model, initialisation, settings = (
        {field.name: parsed[field.name] for field in fields(kind) if field.name in parsed}
        for kind in kinds
    )
    return TrainOptions(
        data=DataOptions(**data),
        encoder=EncoderOptions(**encoder),
        model=ModelOptions(**model),
        initialisation=InitialisationOptions(**initialisation),
        settings=settings,
    )
