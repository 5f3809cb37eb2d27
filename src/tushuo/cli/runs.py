"""Options that choose a captioner: runs, the model that comes with the package, the device."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

if TYPE_CHECKING:
    from tushuo.captioning.captioner import Captioner

Runs = Annotated[
    list[Path] | None,
    Parameter(
        help="run folder; repeat it for an ensemble; default: the model that comes with tushuo",
        negative="",
    ),
]
ModelLanguage = Annotated[
    Literal["en", "zh"] | None,
    Parameter(help="language of the captions; default: that of --run, or en"),
]
Device = Annotated[str, Parameter(help="where the networks run, such as cpu, cuda or cuda:1")]


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """A captioning model of Hugging Face in place of a run."""

    model: Annotated[
        str | None,
        Parameter(
            help="captioning model, hf:OWNER/MODEL or hf:FOLDER, in place of --run; it is "
            "downloaded unless it is in the cache (docs/captioners.md)"
        ),
    ] = None
    prompt: Annotated[
        str | None, Parameter(help="what the model is asked, or the beginning that it continues")
    ] = None
    precision: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"],
        Parameter(help="numbers of the model; auto: float32 on a CPU, bfloat16 elsewhere"),
    ] = "auto"


Model = Annotated[
    ModelOptions,
    Parameter(name="*", group=Group("Model", help="Any captioning model of Hugging Face.")),
]
NO_MODEL = ModelOptions()


def open_captioner(
    run: list[Path] | None,
    model: ModelOptions,
    *,
    language: Literal["en", "zh"] | None,
    weights: Path | None,
    device: str,
    store: Path | None = None,
) -> "Captioner":
    """Open the captioner that the options name, or the model that comes with the package.

    Raises:
        SettingError: a run and a model are named, or options that exclude each other.
        TushuoError: it cannot be opened.
    """
    from tushuo.captioning.load import load, load_model
    from tushuo.errors import SettingError

    if model.model is None:
        if model != NO_MODEL:
            raise SettingError("--prompt and --precision are options of --model; name one")
        return load(run, language=language, weights=weights, device=device)
    if run:
        raise SettingError("--run and --model name two captioners; use one of them")
    if not model.model.startswith("hf:"):
        raise SettingError(
            f"model was {model.model!r}, but must begin with hf:, such as "
            "hf:Salesforce/blip-image-captioning-base; for a run folder use --run"
        )
    if weights or store:
        option = "--weights" if weights else "--store"
        raise SettingError(f"{option} is an option of --run; leave it out")
    return load_model(
        model.model,
        language=language,
        device=device,
        prompt=model.prompt,
        precision=model.precision,
        message=lambda text: print(f"tushuo: {text}", file=sys.stderr),
    )


def named_or_shipped(run: list[Path] | None, language: Literal["en", "zh"]) -> list[Path]:
    """Return the given runs, or the model of the language that comes with the package.

    Raises:
        RunError: no model of the language is installed.
    """
    from tushuo.models import shipped

    return run or [shipped(language)]
