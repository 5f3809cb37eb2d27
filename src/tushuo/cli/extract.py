"""``tushuo extract``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from tushuo.cli.options import (
    NAME_ALL,
    WHOLE_NUMBER,
    Data,
    DataLanguage,
    Images,
    MostCaptions,
    MostImages,
    Weights,
)

if TYPE_CHECKING:
    from tushuo.features.extract import Extraction


def extract(
    data: Data,
    *,
    output: Annotated[Path, Parameter(help="folder of the feature store")],
    images: Images = None,
    data_language: DataLanguage = "en",
    recipe: Annotated[
        Literal["small", "best", "lesson"],
        Parameter(help="preset that supplies every option you do not set"),
    ] = "small",
    encoder: Annotated[str | None, Parameter(help="encoder to use; default: the recipe's")] = None,
    run: Annotated[
        Path | None, Parameter(help="use this run's encoder, with its fine-tuned head if any")
    ] = None,
    store: Annotated[
        Path | None,
        Parameter(
            help="with --run: start from this store made with --frozen-blocks; opens no picture"
        ),
    ] = None,
    frozen_blocks: Annotated[
        int | None,
        WHOLE_NUMBER,
        Parameter(help="store the output of this many blocks, for train --encoder-rate"),
    ] = None,
    weights: Weights = None,
    device: Annotated[
        str, Parameter(help="device to run the encoder on, such as cpu, cuda or cuda:1")
    ] = "cpu",
    views: Annotated[
        str | None, Parameter(help="augmented views to add to the plain one: flip,crop or every")
    ] = None,
    max_captions: MostCaptions = None,
    max_images: MostImages = None,
) -> int:
    """Encode every picture of DATA once, and save its regions in a feature store.

    Example: tushuo extract flickr8k --output store
    """
    from tushuo import encoders
    from tushuo.cli.caption_data import read_records
    from tushuo.cli.progress import Bar
    from tushuo.data.limits import limit
    from tushuo.device import require_device
    from tushuo.encoders.split_encoder import split_encoder
    from tushuo.errors import SettingError
    from tushuo.features.extract import extract as extract_regions
    from tushuo.features.extract import store_bytes
    from tushuo.features.views import parse_views
    from tushuo.runs.encoder import region_encoder_of
    from tushuo.runs.run import Run
    from tushuo.runtime import processes
    from tushuo.training.recipes import RECIPES
    from tushuo.training.region_source import require_on_the_fly

    require_device(device)
    if run and encoder:
        raise SettingError(
            f"--encoder {encoder} cannot be combined with --run, which has an encoder of its own; "
            "leave one of them out"
        )
    if store:
        limits = {"max_captions": max_captions, "max_images": max_images}
        require_on_the_fly(store, frozen_blocks=frozen_blocks, views=views, images=images, **limits)
        return _report(_extract_from_store(run, store, output, weights, device), output)
    preset = RECIPES[recipe]()
    view_names = parse_views(preset.views if views is None else views)
    if frozen_blocks is None and not (run or encoder):
        frozen_blocks = preset.frozen_blocks
    records = read_records(data, images, data_language)
    caption_limit = preset.max_captions if max_captions is None else max_captions
    records = limit(records, max_captions=caption_limit, max_images=max_images)
    process, count = processes()
    with Bar("extract") as bar:
        if run:
            network = region_encoder_of(Run.load(run), weights=weights, device=device)
        else:
            name, download = encoder or preset.encoder, bar.bytes("weights")
            network = encoders.load(name, weights=weights, progress=download, device=device)
        if frozen_blocks is not None:
            network = split_encoder(network, frozen_blocks).trunk
        pictures = len({record.image_id for record in records})
        gigabytes = store_bytes(pictures, network.spec, len(view_names)) / 1e9
        bar.write(f"{pictures} pictures, {network.spec.signature}, {gigabytes:.2f} GB at {output}")
        bar.restart()
        share = {"process": process, "processes": count}
        done = extract_regions(records, network, output, views=view_names, progress=bar, **share)
        return _report(done, output)


def _extract_from_store(
    run: Path | None, store: Path, output: Path, weights: Path | None, device: str
) -> "Extraction":
    """Apply the fine-tuned head of a run to a store of its trunk's output."""
    from tushuo.cli.progress import Bar
    from tushuo.encoders.split_encoder import FineTunedEncoder
    from tushuo.errors import SettingError
    from tushuo.features.extract import extract_from_grids
    from tushuo.features.store import FeatureStore
    from tushuo.runs.encoder import region_encoder_of
    from tushuo.runs.run import Run
    from tushuo.runtime import processes

    encoder = region_encoder_of(Run.load(run), weights=weights, device=device) if run else None
    if not isinstance(encoder, FineTunedEncoder):
        raise SettingError(
            f"--store {store} requires a run with a fine-tuned encoder, got {run or 'no run'}; "
            "name one with --run, or leave --store out"
        )
    process, count = processes()
    with Bar("extract") as bar:
        share = {"process": process, "processes": count}
        grids = FeatureStore.open(store)
        return extract_from_grids(grids, encoder, output, progress=bar, **share)


def _report(done: "Extraction", output: Path) -> int:
    """Print the result; pictures that could not be read make the exit code 1."""
    from tushuo.listing import first_few
    from tushuo.runtime import processes

    process, count = processes()
    share = f" (process {process + 1} of {count})" if count > 1 else ""
    counts = f"{done.encoded} of {done.pictures} pictures encoded now, {len(done.failed)} failed"
    print(f"{output}: {counts}{share}")
    lines = [e if path in e else f"{path}: {e}" for path, e in done.failed.items()]
    for line in first_few(lines, f"more pictures failed; {NAME_ALL}"):
        print(line, file=sys.stderr)
    return 1 if done.failed else 0
