"""Train a captioner from caption data: what ``tushuo train`` does, as one Python call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tushuo.data import read_files
from tushuo.data.describe import describe_briefly
from tushuo.data.limits import limit
from tushuo.data.record import Record
from tushuo.data.split import with_splits
from tushuo.errors import RunError, SettingError
from tushuo.features.regions import Regions
from tushuo.metrics.reward import Reward
from tushuo.runs.run import Run
from tushuo.runtime import only_writer, processes
from tushuo.setting_types import convert_setting
from tushuo.text.language import tokenizer_warning
from tushuo.training.checkpoint import EpochRow, best_row
from tushuo.training.concept_source import ConceptSource
from tushuo.training.config import TrainConfig
from tushuo.training.distillation import Teachers
from tushuo.training.epoch_report import with_epoch_report
from tushuo.training.loop import Callbacks, fit, is_over
from tushuo.training.options import DataOptions, parse_options
from tushuo.training.plan import TrainingPlan, apply_options
from tushuo.training.recipes import RECIPES
from tushuo.training.region_source import (
    choose_regions,
    load_teachers,
    open_store,
    require_on_the_fly,
)
from tushuo.training.setup import TrainingSetup, prepare_training
from tushuo.training.validation import Validator


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What a training has produced.

    Attributes:
        folder: the run folder.
        epochs: one row per finished epoch, of earlier calls too.
        best: the epoch whose weights the run uses; None if no epoch is finished.
        stopped: whether ``Callbacks.stop`` ended the training early; the same call resumes it.
    """

    folder: Path
    epochs: list[EpochRow]
    best: EpochRow | None
    stopped: bool


def train(
    data: Path | str,
    *,
    output: Path | str,
    callbacks: Callbacks | None = None,
    **options: Any,
) -> TrainingResult:
    """Train a captioner as ``tushuo train`` does; the same call resumes a training that stopped.

        tushuo.train("scenes", store="store", output="run", epochs=3)

    Nothing is printed: ``callbacks=Callbacks(message=print)`` prints what the command does.

    Args:
        data: the captions: a file or a folder.
        output: the run folder.
        callbacks: receive progress and messages, and can stop the training.
        options: the options of the command, declared with their help in `tushuo.training.options`,
            where ``--from`` is ``initial_run`` and ``--teacher`` is ``teachers``, and the settings
            of `TrainConfig`; those that are not set are the recipe's.

    Raises:
        SettingError: an option is unknown, has an invalid value, or excludes another one.
        TushuoError: the data, the store or a run cannot be used; the message says what to do.
    """
    parsed = parse_options(options)
    captions: Path = convert_setting("data", data, Path)
    folder: Path = convert_setting("output", output, Path)
    if not isinstance(callbacks, Callbacks | None):
        raise SettingError(
            f"callbacks was {callbacks!r}, but must be a tushuo.training.loop.Callbacks, such as "
            "Callbacks(message=print)"
        )
    callbacks = _first_process_only(callbacks or Callbacks())
    source = parsed.encoder
    require_on_the_fly(source.store, encoder=source.encoder, frozen_blocks=source.frozen_blocks)
    recipe = RECIPES[parsed.model.recipe]()
    initial_path = parsed.initialisation.initial_run
    initial_run = Run.load(initial_path) if initial_path else None
    plan = apply_options(recipe.plan, parsed, initial_run)
    records = _read_records(
        captions, parsed.data, recipe.max_captions, plan.training.seed, callbacks.message
    )
    _warn_of_tokenizer(records, plan, callbacks)
    encoder = initial_run.config.encoder.name if initial_run else recipe.encoder
    source = replace(source, encoder=source.encoder or encoder)
    stored = open_store(source.store, records, callbacks)
    teachers = load_teachers(parsed.initialisation, stored, source.weights)
    if concepts := ConceptSource.of(parsed, stored):
        records, regions, plan = concepts.prepare(records, plan)
    else:
        regions = choose_regions(records, stored, source, plan.training, initial_run, callbacks)
    setup = prepare_training(
        records, regions, folder, plan, initial_run=initial_run, teachers=teachers
    )
    references = {record.image_id: record.captions for record in records if record.split == "val"}
    validator = Validator(setup, regions.read, references)
    callbacks = with_epoch_report(callbacks, validator, plan.search, folder)
    if concepts:
        concepts.copy_model(folder)
    return _fit(setup, regions, plan.training, folder, callbacks, teachers)


def make_reward(setup: TrainingSetup, config: TrainConfig) -> Reward | None:
    """Return the reward of self-critical training, computed against the reference captions.

    ``<end>`` counts as a word, so that a caption which breaks off scores less.
    """
    if config.samples is None:
        return None
    references = [[ids[1:] for ids in example.captions] for example in setup.training]
    return Reward(references, bleu=config.bleu_weight)


def _fit(
    setup: TrainingSetup,
    regions: Regions,
    config: TrainConfig,
    folder: Path,
    callbacks: Callbacks,
    teachers: Teachers | None,
) -> TrainingResult:
    """Run the training loop, from the last checkpoint if there is one."""
    callbacks.message(
        f"{len(setup.training)} training pictures, {len(setup.validation)} validation pictures, "
        f"vocabulary of {len(setup.vocabulary)} words"
    )
    with only_writer(folder, RunError, process=processes()[0]):
        rows = fit(
            setup.decoder,
            setup.training,
            setup.validation,
            regions.read,
            config,
            folder,
            callbacks,
            reward=make_reward(setup, config),
            head=regions.trainable_head,
            teachers=teachers,
        )
    return TrainingResult(
        folder=folder,
        epochs=rows,
        best=best_row(rows, config.best_by) if rows else None,
        stopped=not is_over(rows, config),
    )


def _read_records(
    data: Path,
    options: DataOptions,
    max_captions: int | None,
    seed: int,
    message: Callable[[str], None],
) -> list[Record]:
    """Read the captions, apply the limits, and split the data if it has no split of its own."""
    reading = read_files(data, images=options.images, language=options.data_language)
    if data.is_dir():
        message(describe_briefly(reading))
    records = reading.records
    most = max_captions if options.max_captions is None else options.max_captions
    records = limit(records, max_captions=most, max_images=options.max_images, seed=seed)
    return with_splits(records, by=options.split_by, seed=seed)


def _warn_of_tokenizer(records: Sequence[Record], plan: TrainingPlan, callbacks: Callbacks) -> None:
    """Send a message where the captions contradict the tokenizer."""
    warning = tokenizer_warning(
        (caption for record in records for caption in record.captions),
        plan.tokenizer,
        cure="pass --data-language or --tokenizer of their language, or data in that of --from",
    )
    if warning:
        callbacks.message(f"warning: {warning}")


def _first_process_only(callbacks: Callbacks) -> Callbacks:
    """Keep progress and messages of the first process of torchrun, and drop those of the others."""
    if processes()[0] == 0:
        return callbacks
    silent = Callbacks()
    return replace(callbacks, step=silent.step, message=silent.message, progress=silent.progress)
