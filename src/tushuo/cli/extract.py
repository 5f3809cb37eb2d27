"""``tushuo extract``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from tushuo.cli.options import Data, DataLanguage, Images, MostCaptions, MostImages, Weights

if TYPE_CHECKING:
    from tushuo.features.extract import Extraction


def extract(
    data: Data,
    *,
    output: Annotated[Path, Parameter(help="folder of the feature store")],
    images: Images = None,
    data_language: DataLanguage = "en",
    recipe: Annotated[
        Literal["small", "best", "lesson"], Parameter(help="what is not given")
    ] = "small",
    encoder: Annotated[
        str | None, Parameter(help="who looks at the pictures; default: the recipe's")
    ] = None,
    run: Annotated[Path | None, Parameter(help="look as this run does; brings its encoder")] = None,
    store: Annotated[
        Path | None,
        Parameter(help="with --run: finish this store of grids (--upto), no picture is opened"),
    ] = None,
    frozen_blocks: Annotated[
        int | None,
        Parameter(help="keep the grid after so many blocks, for train --encoder-rate"),
    ] = None,
    weights: Weights = None,
    device: Annotated[
        str, Parameter(help="device to run the encoder on, such as cpu, cuda or cuda:1")
    ] = "cpu",
    views: Annotated[
        str | None, Parameter(help="other looks to keep beside the plain one: flip,crop or every")
    ] = None,
    max_captions: MostCaptions = None,
    max_images: MostImages = None,
) -> int:
    """Look at every picture of DATA once and keep its regions.

    Example: tushuo extract flickr8k --output store
    """
    import tushuo.data
    from tushuo import encoders
    from tushuo.cli.progress import Bar
    from tushuo.cli.regions import require_on_the_fly
    from tushuo.data.limits import limit
    from tushuo.device import require_device
    from tushuo.encoders.split_encoder import split_encoder
    from tushuo.errors import SettingError
    from tushuo.features.extract import extract as look
    from tushuo.features.extract import store_bytes
    from tushuo.features.views import parse_views
    from tushuo.runs.encoder import encoder_of
    from tushuo.runs.run import Run
    from tushuo.runtime import processes
    from tushuo.training.recipes import RECIPES

    require_device(device)
    if run and encoder:
        raise SettingError(
            f"encoder {encoder} came beside --run, which brings its own; leave one of them out"
        )
    if store:
        limits = {"max_captions": max_captions, "max_images": max_images}
        require_on_the_fly(store, frozen_blocks=frozen_blocks, views=views, images=images, **limits)
        return _told(_finished(run, store, output, weights, device), output)
    chosen = RECIPES[recipe]()
    looks = parse_views(chosen.views if views is None else views)
    if frozen_blocks is None and not (run or encoder):
        frozen_blocks = chosen.frozen_blocks
    records = tushuo.data.read(data, images=images, language=data_language)
    most = chosen.max_captions if max_captions is None else max_captions
    records = limit(records, max_captions=most, max_images=max_images)
    process, count = processes()
    with Bar("extract") as bar:
        if run:
            looker = encoder_of(Run.load(run), weights=weights, device=device)
        else:
            looker = encoders.load(
                encoder or chosen.encoder,
                weights=weights,
                progress=bar.bytes("weights"),
                device=device,
            )
        if frozen_blocks is not None:
            looker = split_encoder(looker, frozen_blocks).trunk
        pictures = len({record.image_id for record in records})
        gigabytes = store_bytes(pictures, looker.spec, len(looks)) / 1e9
        bar.say(f"{pictures} pictures, {looker.spec.signature}, {gigabytes:.2f} GB at {output}")
        bar.restart()
        shared = {"process": process, "processes": count}
        return _told(look(records, looker, output, views=looks, progress=bar, **shared), output)


def _finished(
    run: Path | None, store: Path, output: Path, weights: Path | None, device: str
) -> "Extraction":
    """Send a store of grids through a run's upper part."""
    from tushuo.cli.progress import Bar
    from tushuo.encoders.split_encoder import FineTunedEncoder
    from tushuo.errors import SettingError
    from tushuo.features.extract import finish
    from tushuo.features.store import FeatureStore
    from tushuo.runs.encoder import encoder_of
    from tushuo.runs.run import Run
    from tushuo.runtime import processes

    looker = encoder_of(Run.load(run), weights=weights, device=device) if run else None
    if not isinstance(looker, FineTunedEncoder):
        raise SettingError(
            f"{store} can be finished only by a run whose encoder learned, and "
            f"{run or 'none'} was named; name one with --run, or leave --store out"
        )
    process, count = processes()
    with Bar("extract") as bar:
        shared = {"process": process, "processes": count}
        return finish(FeatureStore.open(store), looker, output, progress=bar, **shared)


def _told(done: "Extraction", output: Path) -> int:
    """Say what came of it; pictures that could not be read make the exit code 1."""
    from tushuo.runtime import processes

    process, count = processes()
    share = f" (process {process + 1} of {count})" if count > 1 else ""
    found = f"{done.pictures} pictures, {done.made} looked at now, {len(done.failed)} failed"
    print(f"{output}: {found}{share}")
    for path, error in done.failed.items():
        print(f"{path}: {error}", file=sys.stderr)
    return 1 if done.failed else 0
