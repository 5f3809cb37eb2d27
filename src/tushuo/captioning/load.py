"""Load a captioner by its run folder, or the model that comes with the package."""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor

from tushuo import encoders
from tushuo.captioning.captioner import Captioner, require_language
from tushuo.captioning.evidence import ConceptReader
from tushuo.captioning.huggingface.captioner import HuggingFaceCaptioner
from tushuo.captioning.huggingface.loading import Precision, open_model
from tushuo.captioning.native import NativeCaptioner
from tushuo.captioning.picture_regions import Encode, PictureRegions, concepts_of_regions
from tushuo.captioning.route import FILE, ContentRatio, Route
from tushuo.captioning.routed import RoutedCaptioner, RoutedPicture
from tushuo.concepts.encoder import ConceptEncoder
from tushuo.concepts.model import ConceptModel
from tushuo.device import full_float32, require_device
from tushuo.encoders.hub import PREFIX
from tushuo.encoders.spec import Encoder
from tushuo.encoders.split_encoder import FineTunedEncoder, fine_tuned_encoder, split_encoder
from tushuo.errors import SettingError
from tushuo.models import shipped
from tushuo.runs.encoder import encoder_of
from tushuo.runs.ensemble import ensemble
from tushuo.runs.pack import GENERAL
from tushuo.runs.run import Run
from tushuo.signatures import require_same
from tushuo.text.tokenization import LANGUAGES, Language


def load(
    run: Path | str | Sequence[Path | str] | None = None,
    *,
    language: Language | None = None,
    weights: Path | str | None = None,
    device: str = "cpu",
    prompt: str | None = None,
    precision: Precision = "auto",
) -> Captioner:
    """Load a run folder with the encoder it was trained with, or a model of Hugging Face.

    Args:
        run: the folder; several folders are an ensemble, which averages their probabilities; None:
            the model of the language that comes with the package. Where a single folder has a
            routed general captioner (scripts/fit_route.py), each picture goes to one of the two.
            Or ``hf:`` and the folder or repository of a captioning model (docs/captioners.md),
            which is downloaded unless it is in the cache.
        language: language that the captions must have; of the models that come with the package,
            English by default.
        weights: the encoder's weights file, where it cannot be found automatically.
        device: where encoder and decoder run, such as ``cpu``, ``cuda`` or ``cuda:1``.
        prompt: of models of Hugging Face: what they are asked, or the beginning that they continue.
        precision: of models of Hugging Face: numbers of the network; auto: float32 on a CPU,
            bfloat16 elsewhere.

    Raises:
        RunError: the folder is not a complete run, or no model of the language is installed.
        SettingError: the run captions in another language, or there is no such device or language.
        WeightsError: the encoder's weights are missing.
        SignatureError: another encoder is installed, or the runs do not fit together.
        MissingPartError: transformers is required and not installed.
    """
    if isinstance(run, str) and run.startswith(PREFIX):
        if weights is not None:
            raise SettingError(f"weights cannot be combined with {run}; leave them out")
        return load_model(run, language=language, device=device, prompt=prompt, precision=precision)
    if prompt is not None or precision != "auto":
        raise SettingError("prompt and precision are settings of hf: models alone; leave them out")
    folders = _folders(run, language)
    captioner: Captioner
    if len(folders) == 1 and (folders[0] / GENERAL / FILE).exists():
        captioner = load_routed(folders[0], weights=weights, device=device)
    else:
        captioner = load_native(folders, weights=weights, device=device)
    if language:
        require_language(captioner, language)
    return captioner


def load_model(
    name: str,
    *,
    language: Language | None = None,
    device: str = "cpu",
    prompt: str | None = None,
    precision: Precision = "auto",
    message: Callable[[str], None] | None = None,
) -> HuggingFaceCaptioner:
    """Load a captioning model of Hugging Face; see `load`.

    Args:
        name: ``hf:`` and a folder or a repository.
        language: language of the captions; English by default.
        device: as for `load`.
        prompt: as for `load`.
        precision: as for `load`.
        message: receives a sentence before a download, and one about memory before loading.

    Raises:
        MissingPartError, WeightsError, SettingError: as `load` does.
    """
    opened = open_model(name, device=require_device(device), precision=precision, message=message)
    return HuggingFaceCaptioner(opened, language=language or "en", prompt=prompt)


def load_native(
    run: Path | str | Sequence[Path | str],
    *,
    weights: Path | str | None = None,
    device: str = "cpu",
) -> NativeCaptioner:
    """Load a run folder alone, without a general captioner in it; see `load`."""
    torch_device = require_device(device)
    loaded = ensemble([Run.load(folder) for folder in _folders(run, None)])
    encoder = encoder_of(loaded, weights=weights, device=torch_device)
    return NativeCaptioner(loaded, encoder, device=torch_device)


def _folders(
    run: Path | str | Sequence[Path | str] | None, language: Language | None
) -> list[Path]:
    if language is not None and language not in LANGUAGES:
        known = ", ".join(map(repr, LANGUAGES))
        raise SettingError(f"language was {language!r}, but must be one of {known}")
    chosen = shipped(language or "en") if run is None else run
    folders = [chosen] if isinstance(chosen, PathLike | str) else chosen
    if not isinstance(folders, list | tuple) or not folders:
        raise SettingError(f"run was {run!r}, but must be a run folder, or a list of run folders")
    return [Path(folder) for folder in folders]


def load_routed(
    folder: Path,
    *,
    route: Route | None = None,
    weights: Path | str | None = None,
    device: str = "cpu",
) -> RoutedCaptioner:
    """Load a model of two captioners, which share the trunk of one encoder.

    Args:
        folder: the model.
        route: which pictures go to the general captioner; None: as the model's route.json says.
        weights: as for `load`.
        device: as for `load`.

    Raises:
        RunError, WeightsError, SignatureError: as `load` does.
    """
    torch_device = require_device(device)
    run, general = Run.load(folder), Run.load(folder / GENERAL)
    model = ConceptModel.load(folder / GENERAL)
    route = route or Route.load(folder / GENERAL)
    require_same(
        model.settings.encoder.signature,
        run.config.encoder.pretrained.signature,
        what=f"the encoders of {folder} and of its general captioner",
        cure="train both on the same encoder",
    )
    encoder = encoders.load(model.settings.encoder.name, weights=weights, device=torch_device)
    concepts = ConceptEncoder(model, encoder)
    own, encode = _shared_trunk(run, encoder, concepts, torch_device)
    reader = ConceptReader(model.settings)
    return RoutedCaptioner(
        folder,
        familiar=NativeCaptioner(
            run, own if own else encoder, concepts=reader, device=torch_device
        ),
        general=NativeCaptioner(general, concepts, device=torch_device),
        route=route,
        content=ContentRatio(model, route.pictures),
        encode=encode,
        spec=encoder.spec,
    )


def _shared_trunk(
    run: Run, encoder: Encoder, concepts: ConceptEncoder, device: torch.device
) -> tuple[FineTunedEncoder | None, Encode[RoutedPicture]]:
    """Return the run's encoder, if it was fine-tuned, and a function that encodes for both."""
    frozen_blocks = run.config.encoder.frozen_blocks
    split = split_encoder(encoder, frozen_blocks)
    head = split.head.eval().requires_grad_(False)
    own: FineTunedEncoder | None = None
    if run.head:
        own = fine_tuned_encoder(encoder, frozen_blocks, run.head)

    @torch.inference_mode()
    @full_float32()
    def encode(squares: Tensor) -> list[RoutedPicture]:
        grids = split.trunk(squares)
        pretrained = head(grids)
        found = concepts_of_regions(concepts, pretrained, device)
        regions = (own.apply_head(grids) if own else pretrained).float().to(device)
        return [
            RoutedPicture(PictureRegions(one, evidence=general.evidence), general)
            for one, general in zip(regions, found, strict=True)
        ]

    return own, encode
