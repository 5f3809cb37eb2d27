"""Where a training's regions come from: a feature store, or an encoder that runs on the fly."""

from functools import partial
from pathlib import Path

from tushuo import encoders
from tushuo.data.record import Record
from tushuo.encoders.spec import Encoder
from tushuo.encoders.split_encoder import fine_tuned_encoder
from tushuo.errors import SettingError
from tushuo.features.regions import Regions
from tushuo.features.views import parse_views
from tushuo.listing import first_few
from tushuo.runs.encoder import encoder_of
from tushuo.runs.ensemble import ensemble
from tushuo.runs.run import Run
from tushuo.training.config import TrainConfig
from tushuo.training.distillation import Teachers
from tushuo.training.fine_tuning import split_for_training, with_trainable_head
from tushuo.training.loop import Callbacks
from tushuo.training.options import EncoderOptions, InitialisationOptions


def require_on_the_fly(store: Path | None, **options: object) -> None:
    """Refuse options that a store has already decided.

    Raises:
        SettingError: one of them is set beside a store.
    """
    names = ", ".join(name for name, value in options.items() if value is not None)
    if store and names:
        raise SettingError(
            f"{names} cannot be combined with --store, whose regions are already computed; "
            "leave one of them out"
        )


def open_store(store: Path | None, records: list[Record], callbacks: Callbacks) -> Regions | None:
    """Open the feature store of a training, if it has one, and report the pictures it lacks."""
    if store is None:
        return None
    regions = Regions.from_store(store, records)
    pictures = {record.image_id for record in records}
    absent = len(pictures - regions.image_ids)
    if absent:
        callbacks.message(
            f"{absent} of {len(pictures)} pictures are left out, because they are not in {store}; "
            "to use them too, extract without --max-images"
        )
    return _report_failed(regions, callbacks)


def choose_regions(
    records: list[Record],
    stored: Regions | None,
    options: EncoderOptions,
    config: TrainConfig,
    initial_run: Run | None,
    callbacks: Callbacks,
) -> Regions:
    """Return the regions of a training: frozen ones, or those of a head that is fine-tuned.

    Args:
        records: the pictures.
        stored: the regions of the feature store, if there is one.
        options: encoder to run on the fly where there is no store; ``encoder`` must be set.
        config: its ``encoder_rate`` decides whether the head is fine-tuned.
        initial_run: run that the training starts from; a head that it has fine-tuned is used.
        callbacks: receive progress and the pictures that cannot be read.

    Raises:
        SettingError: ``frozen_blocks`` is set without fine-tuning, or the store does not fit.
    """
    views = parse_views(config.views)
    if config.encoder_rate is not None:
        return _fine_tuned(records, stored, options, views, initial_run, callbacks)
    if options.frozen_blocks is not None:
        raise SettingError(
            f"--frozen-blocks {options.frozen_blocks} only applies when the encoder is fine-tuned; "
            "also pass --encoder-rate"
        )
    if stored:
        return stored
    encoder = _load_encoder(str(options.encoder), options.weights, callbacks)
    if initial_run and initial_run.head:
        frozen_blocks = initial_run.config.encoder.frozen_blocks
        encoder = fine_tuned_encoder(encoder, frozen_blocks, initial_run.head)
    return _on_the_fly(encoder, records, views, callbacks)


def load_teachers(
    options: InitialisationOptions, stored: Regions | None, weights: Path | None
) -> Teachers | None:
    """Load the teacher runs, if there are any; they read the store of the student.

    Raises:
        SettingError: there is a weight without teachers, or there are teachers without a store.
    """
    weight = options.teacher_weight
    if not options.teachers:
        if weight is not None:
            raise SettingError(
                f"teacher_weight was {weight}, but there is no teacher; also pass --teacher"
            )
        return None
    if not stored:
        raise SettingError("--teacher requires --store, which the teachers read; also pass --store")
    runs = [Run.load(folder) for folder in options.teachers]
    if stored.spec.is_trunk:
        stored = stored.with_encoder(encoder_of(ensemble(runs), weights=weights))
    return Teachers(runs, stored, 0.5 if weight is None else weight)


def _fine_tuned(
    records: list[Record],
    stored: Regions | None,
    options: EncoderOptions,
    views: tuple[str, ...],
    initial_run: Run | None,
    callbacks: Callbacks,
) -> Regions:
    """Return regions that pass through a trainable head, from stored or computed trunk features."""
    name = stored.spec.name if stored else str(options.encoder)
    frozen_blocks = stored.spec.frozen_blocks if stored else options.frozen_blocks
    encoder = _load_encoder(name, options.weights, callbacks)
    split = split_for_training(encoder, frozen_blocks, initial_run)
    trunk_regions = stored or _on_the_fly(split.trunk, records, views, callbacks)
    return with_trainable_head(trunk_regions, split)


def _load_encoder(name: str, weights: Path | None, callbacks: Callbacks) -> Encoder:
    """Load an encoder with its pretrained weights, which are downloaded if they are missing."""
    return encoders.load(name, weights=weights, progress=partial(callbacks.progress, "weights"))


def _on_the_fly(
    encoder: Encoder, records: list[Record], views: tuple[str, ...], callbacks: Callbacks
) -> Regions:
    """Open every picture once, to find unreadable ones; regions are computed when they are read."""
    opening = partial(callbacks.progress, "open")
    regions = Regions.on_the_fly(encoder, records, views=views, progress=opening)
    return _report_failed(regions, callbacks)


def _report_failed(regions: Regions, callbacks: Callbacks) -> Regions:
    lines = [
        f"left out: {error if path in error else f'{path}: {error}'}"
        for path, error in regions.failed.items()
    ]
    rest = "more pictures left out; to name them all: tushuo data check DATA --json"
    for line in first_few(lines, rest):
        callbacks.message(line)
    return regions
