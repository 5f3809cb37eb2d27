"""All choices of a training in one place: a recipe's, an initial run's and the user's."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from tushuo.errors import SettingError
from tushuo.runs.run import Run
from tushuo.search.config import SearchConfig
from tushuo.text.tokenization import DEFAULT_TOKENIZERS, TokenizerName
from tushuo.text.vocabulary import VocabularyConfig
from tushuo.training.config import TrainConfig
from tushuo.training.options import TrainOptions


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """All choices of a training except its data and its encoder."""

    tokenizer: Annotated[TokenizerName, "how captions become words"] = "words"
    vocabulary: VocabularyConfig = field(default_factory=VocabularyConfig)
    decoder: Annotated[str, "name of the decoder"] = "show_attend_gru"
    decoder_settings: dict[str, int | float | str | None] = field(default_factory=dict)
    training: TrainConfig = field(default_factory=TrainConfig)
    search: SearchConfig = field(default_factory=SearchConfig)


def apply_options(
    plan: TrainingPlan, options: TrainOptions, initial_run: Run | None
) -> TrainingPlan:
    """Return a recipe's plan with the user's options in place of the recipe's choices.

    Raises:
        SettingError: an option has an invalid value, or excludes another one.
    """
    model = options.model
    chosen = {
        "tokenizer": options.data.tokenizer,
        "decoder": model.decoder,
        "vocabulary": model.vocabulary,
        "min_count": model.min_count,
    }
    chosen = {name: value for name, value in chosen.items() if value is not None}
    if initial_run:
        plan = inherit_settings(plan, initial_run, chosen)
    else:
        plan = _replace_choices(plan, chosen, DEFAULT_TOKENIZERS[options.data.data_language])
    given = model.decoder_settings or {}
    if "concepts" in given:
        raise SettingError(
            "decoder-settings.concepts was set, but train sets it from the model that --concepts "
            "names; leave it out"
        )
    settings = plan.decoder_settings | given
    if model.dropout is not None:
        settings = settings | {"dropout": model.dropout}
    training = replace(plan.training, **options.settings)
    return replace(plan, decoder_settings=settings, training=training)


def inherit_settings(
    plan: TrainingPlan, initial_run: Run, chosen: Mapping[str, Any]
) -> TrainingPlan:
    """Replace tokenizer, decoder and search of a plan by those of the initial run.

    Args:
        plan: its settings of the training stay.
        initial_run: the run that the training starts from.
        chosen: options that the user has set; none of those inherited may be among them.

    Raises:
        SettingError: there are some.
    """
    if chosen:
        raise SettingError(
            f"{', '.join(chosen)} cannot be combined with --from, which inherits tokenizer, "
            "vocabulary and decoder from the run; leave it out"
        )
    config = initial_run.config
    return replace(
        plan,
        tokenizer=config.tokenizer,
        decoder=config.decoder,
        decoder_settings=config.decoder_settings,
        search=config.search,
    )


def _replace_choices(
    plan: TrainingPlan, chosen: Mapping[str, Any], tokenizer: TokenizerName
) -> TrainingPlan:
    """Replace tokenizer, vocabulary and decoder; another decoder has its own default settings."""
    decoder = chosen.get("decoder", plan.decoder)
    vocabulary = replace(
        plan.vocabulary,
        size=chosen.get("vocabulary", plan.vocabulary.size),
        min_count=chosen.get("min_count", plan.vocabulary.min_count),
    )
    return replace(
        plan,
        tokenizer=chosen.get("tokenizer", tokenizer),
        vocabulary=vocabulary,
        decoder=decoder,
        decoder_settings=plan.decoder_settings if decoder == plan.decoder else {},
    )
