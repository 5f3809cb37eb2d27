"""``tushuo train``."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from tushuo.cli.flags import flags_of, only_given, with_given
from tushuo.cli.options import Data, DataLanguage, Images, MostCaptions, MostImages, Store
from tushuo.training.config import TrainConfig

if TYPE_CHECKING:
    from tushuo.features.regions import Regions
    from tushuo.text.tokenization import TokenizerName
    from tushuo.training.distillation import Teachers
    from tushuo.training.self_critical import Reward
    from tushuo.training.setup import TrainingPlan, TrainingSetup

_GROUP = Group("Training", help="What is not given is as the recipe has it; docs/training.md.")
Given = flags_of(TrainConfig, chooser="recipe")
if TYPE_CHECKING:
    TrainOptions = Any  # mypy knows no class that is made at run time
else:
    TrainOptions = Annotated[Given, Parameter(name="*", group=_GROUP)]
RECIPE_DEFAULTS = Given()


def train(
    data: Data,
    *,
    output: Annotated[Path, Parameter(help="the run folder")],
    store: Store = None,
    images: Images = None,
    data_language: DataLanguage = "en",
    tokenizer: Annotated[
        Literal["words", "jieba", "characters"] | None,
        Parameter(help="how captions become words; en: words, zh: jieba"),
    ] = None,
    split_by: Annotated[
        Literal["picture", "caption"], Parameter(help="where DATA brings no split")
    ] = "picture",
    recipe: Annotated[
        Literal["small", "best", "lesson", "self_critical"], Parameter(help="what is not given")
    ] = "small",
    decoder: Annotated[
        Literal["show_attend_gru", "top_down", "transformer"] | None,
        Parameter(help="who speaks; docs/training.md"),
    ] = None,
    encoder: Annotated[str | None, Parameter(help="on the fly: who looks")] = None,
    weights: Annotated[
        Path | None, Parameter(help="on the fly: the encoder's weights file")
    ] = None,
    frozen_blocks: Annotated[
        int | None,
        Parameter(help="on the fly, with --encoder-rate: the encoder's blocks that stay"),
    ] = None,
    max_captions: MostCaptions = None,
    max_images: MostImages = None,
    vocabulary: Annotated[int | None, Parameter(help="how many words to keep")] = None,
    min_count: Annotated[int | None, Parameter(help="drop words used less often")] = None,
    dropout: Annotated[float | None, Parameter(help="against learning by heart")] = None,
    decoder_settings: Annotated[
        dict[str, float | bool | str] | None,
        Parameter(help="the decoder's own, as --decoder-settings.units 256; docs/training.md"),
    ] = None,
    initial_run: Annotated[
        Path | None, Parameter(name="--from", help="begin with this run's words and weights")
    ] = None,
    teacher: Annotated[
        list[Path] | None,
        Parameter(help="learn from what this run would say, too; several: their mean", negative=""),
    ] = None,
    teacher_weight: Annotated[
        float | None, Parameter(help="share of the loss that is the teachers'; 0.5")
    ] = None,
    settings: TrainOptions = RECIPE_DEFAULTS,
) -> int:
    """Learn to caption from DATA; the same command goes on with a run that was stopped.

    Example: tushuo train flickr8k --store store --output run
    """
    import tushuo.data
    from tushuo.cli.regions import frozen, opened, require_on_the_fly, taught, tuning
    from tushuo.data.limits import limit
    from tushuo.data.split import with_splits
    from tushuo.errors import SettingError
    from tushuo.features.views import parse_views
    from tushuo.runs.run import Run
    from tushuo.text.tokenization import DEFAULT_TOKENIZERS
    from tushuo.training.recipes import RECIPES
    from tushuo.training.setup import inherit_settings, start

    require_on_the_fly(store, encoder=encoder, frozen_blocks=frozen_blocks)
    chosen, before = RECIPES[recipe](), Run.load(initial_run) if initial_run else None
    own = only_given(
        tokenizer=tokenizer, decoder=decoder, vocabulary=vocabulary, min_count=min_count
    )
    tokenizer = tokenizer or DEFAULT_TOKENIZERS[data_language]
    learn = (
        inherit_settings(chosen.learn, before, own)
        if before
        else _anew(chosen.learn, tokenizer, own)
    )
    learn = replace(
        learn,
        decoder_settings=learn.decoder_settings
        | (decoder_settings or {})
        | only_given(dropout=dropout),
        training=with_given(learn.training, settings),
    )
    seed = learn.training.seed
    most = chosen.max_captions if max_captions is None else max_captions
    records = tushuo.data.read(data, images=images, language=data_language)
    records = limit(records, max_captions=most, max_images=max_images, seed=seed)
    records = with_splits(records, by=split_by, seed=seed)
    views = parse_views(learn.training.views)
    looker = encoder or (before.config.encoder.name if before else chosen.encoder)
    kept = opened(store, records)
    teachers = taught(teacher, teacher_weight, kept, weights)
    looked = (records, kept, looker, weights, views, before)
    if learn.training.encoder_rate is None:
        if frozen_blocks is not None:
            raise SettingError(
                f"upto was {frozen_blocks}, but no block learns; name --encoder-rate too"
            )
        regions = frozen(*looked)
    else:
        regions = tuning(*looked, frozen_blocks)
    setup = start(records, regions, output, learn, before=before, teachers=teachers)
    said = {record.image_id: record.captions for record in records if record.split == "val"}
    return _learn(setup, regions, learn, output, said, teachers)


def _anew(learn: "TrainingPlan", tokenizer: "TokenizerName", own: dict[str, Any]) -> "TrainingPlan":
    """Choose words and decoder of a training that begins from nothing."""
    speaker = own.get("decoder", learn.decoder)
    words = only_given(size=own.get("vocabulary"), min_count=own.get("min_count"))
    return replace(
        learn,
        tokenizer=tokenizer,
        vocabulary=replace(learn.vocabulary, **words),
        decoder=speaker,
        decoder_settings=learn.decoder_settings if speaker == learn.decoder else {},  # its sizes
    )


def _learn(
    setup: "TrainingSetup",
    regions: "Regions",
    learn: "TrainingPlan",
    output: Path,
    said: "dict[int | str, tuple[str, ...]]",
    teachers: "Teachers | None",
) -> int:
    """Train and tell the best epoch; ``said`` is what people say of the validation pictures."""
    from tushuo.cli.progress import Bar
    from tushuo.cli.training_progress import watch
    from tushuo.runtime import processes
    from tushuo.training.checkpoint import best_row
    from tushuo.training.loop import fit, is_over
    from tushuo.training.validation import Validator

    with Bar("train") as bar:
        bar.say(
            f"{len(setup.training)} pictures to learn from, {len(setup.validation)} to check on, "
            f"{len(setup.vocabulary)} words"
        )
        callbacks = watch(Validator(setup, regions.read, said), learn.search, output, bar)
        examples = (setup.training, setup.validation)
        history = fit(
            setup.decoder,
            *examples,
            regions.read,
            learn.training,
            output,
            callbacks,
            _reward(setup, learn.training),
            regions.trainable_head,
            teachers,
        )
    if not is_over(history, learn.training):
        raise KeyboardInterrupt
    best = best_row(history, learn.training.best_by)
    cider = "" if best.val_cider is None else f", CIDEr {best.val_cider:.4f}"
    told = f"best of {len(history)} epochs is {best.epoch}, validation loss {best.val_loss:.3f}"
    if processes()[0] == 0:
        print(f"{output}: {told}{cider}")
    return 0


def _reward(setup: "TrainingSetup", training: TrainConfig) -> "Reward | None":
    """Make what judges captions by those that people gave; an end is a word to it."""
    if training.samples is None:
        return None
    from tushuo.metrics.reward import Reward

    references = [[ids[1:] for ids in example.captions] for example in setup.training]
    return Reward(references, bleu=training.bleu_weight)
