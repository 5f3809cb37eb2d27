"""``tushuo train``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from tushuo.cli.flags import flags_of, given
from tushuo.cli.options import Data
from tushuo.training.config import TrainConfig
from tushuo.training.options import (
    DataOptions,
    EncoderOptions,
    InitialisationOptions,
    ModelOptions,
)

if TYPE_CHECKING:  # mypy cannot see classes that are made at run time
    DataFlags = Any
    EncoderFlags = Any
    ModelFlags = Any
    InitialisationFlags = Any
    TrainFlags = Any
else:
    _NAMES = {"initial_run": "--from", "teachers": "--teacher"}
    _TRAINING_HELP = "The recipe supplies what you do not set; docs/training.md."
    DataFlags, EncoderFlags, ModelFlags, InitialisationFlags, TrainFlags = (
        Annotated[flags | None, Parameter(name="*", group=Group.create_ordered(title, help=text))]
        for flags, title, text in (
            (flags_of(DataOptions), "Data", ""),
            (flags_of(EncoderOptions), "Encoder", ""),
            (flags_of(ModelOptions), "Model", ""),
            (flags_of(InitialisationOptions, names=_NAMES), "Initialisation and distillation", ""),
            (flags_of(TrainConfig, chooser="recipe"), "Training", _TRAINING_HELP),
        )
    )


def train(
    data: Data,
    *,
    output: Annotated[Path, Parameter(help="the run folder")],
    data_options: DataFlags = None,
    encoder_options: EncoderFlags = None,
    model_options: ModelFlags = None,
    initialisation: InitialisationFlags = None,
    settings: TrainFlags = None,
) -> int:
    """Train a captioner on DATA; the same command resumes a run that was stopped.

    Example: tushuo train flickr8k --store store --output run
    """
    from tushuo.cli.training_progress import TrainingProgress
    from tushuo.runtime import processes
    from tushuo.training.assemble import train as train_run

    options = given(data_options, encoder_options, model_options, initialisation, settings)
    with TrainingProgress() as callbacks:
        result = train_run(data, output=output, callbacks=callbacks, **options)
    if result.stopped or result.best is None:
        raise KeyboardInterrupt
    best = result.best
    cider = "" if best.val_cider is None else f", CIDEr {best.val_cider:.4f}"
    if processes()[0] == 0:
        print(
            f"{output}: best of {len(result.epochs)} epochs is {best.epoch}, "
            f"validation loss {best.val_loss:.3f}{cider}"
        )
    return 0
