"""``tushuo evaluate``."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from tushuo.cli.flags import with_given
from tushuo.cli.options import NAME_ALL, Data, DataLanguage, Images, Store, Weights
from tushuo.cli.runs import NO_MODEL, Device, Model, Runs, named_or_shipped, open_captioner
from tushuo.cli.score import (
    DEFAULT_METRICS,
    OptionalMetrics,
    format_interval,
    format_number,
    print_notes,
    print_tokenizer_warning,
)
from tushuo.cli.search import RUN_DEFAULTS, SearchOptions

if TYPE_CHECKING:
    from tushuo.data.record import Record
    from tushuo.evaluation.captioning import Part
    from tushuo.evaluation.results import PictureResult, Results
    from tushuo.text.tokenization import Language


def evaluate(
    data: Data,
    *,
    run: Runs = None,
    store: Store = None,
    split: Annotated[Literal["train", "val", "test"], Parameter(help="pictures to score")] = "val",
    images: Images = None,
    data_language: DataLanguage = "en",
    tokenizer: Annotated[
        Literal["ptb", "jieba", "characters"] | None,
        Parameter(help="tokenizer of the scores; default: ptb for English, jieba for Chinese"),
    ] = None,
    more: OptionalMetrics = DEFAULT_METRICS,
    clip: Annotated[
        Path | None, Parameter(help="folder of a CLIP model, for CLIPScore and RefCLIPScore")
    ] = None,
    weights: Weights = None,
    device: Device = "cpu",
    output: Annotated[
        Path | None,
        Parameter(
            help="a folder: everything that a report shows; NAME.json: the captions only, in the "
            "form of COCO results"
        ),
    ] = None,
    json: Annotated[
        bool,
        Parameter(help="print everything as JSON, with the scores of each picture", negative=""),
    ] = False,
    model: Model = NO_MODEL,
    search: SearchOptions = RUN_DEFAULTS,
) -> int:
    """Caption a split of DATA and score the captions; where DATA defines no split, use the run's.

    Under torchrun, the processes share the pictures.

    Example: tushuo evaluate flickr8k --run run --store store
    """
    from dataclasses import replace
    from time import perf_counter

    from tushuo.captioning.captioner import require_language
    from tushuo.captioning.load import load_native
    from tushuo.cli.caption_data import read_records
    from tushuo.cli.progress import Bar
    from tushuo.encoders.clip import load as load_clip
    from tushuo.evaluation.baselines import baselines
    from tushuo.evaluation.captioning import caption_split, gather, in_store, share, split_of
    from tushuo.evaluation.clip import embed_pictures
    from tushuo.evaluation.cost import count_parameters
    from tushuo.evaluation.evaluate import Scoring
    from tushuo.evaluation.evaluate import evaluate as evaluate_captions
    from tushuo.metrics.score import TOKENIZER_OF
    from tushuo.runtime import processes

    records = read_records(data, images, data_language)
    scoring_tokenizer = tokenizer or TOKENIZER_OF[data_language]
    scores_here = processes()[0] == 0  # the first process scores
    metrics = more.names(scoring_tokenizer) if scores_here else ()
    if scores_here:
        _require_scorable(metrics, scoring_tokenizer, output)
    clip_model = load_clip(clip) if clip and scores_here else None
    runs = [] if model.model else named_or_shipped(run, data_language)
    native = load_native(runs, weights=weights, device=device) if store and runs else None
    captioner = native or open_captioner(
        run,
        model,
        language=data_language if model.model else None,
        weights=weights,
        device=device,
        store=store,
    )
    if tokenizer is None:
        require_language(captioner, data_language)
    config = with_given(captioner.info.search, search)
    chosen, training = split_of(records, runs, split)
    if scores_here:
        references = (caption for record in chosen for caption in record.captions)
        cure = "pass the language of the captions by --data-language, or --tokenizer for it"
        print_tokenizer_warning(references, scoring_tokenizer, cure=cure)
    regions = native.regions_of(chosen, store) if native else None
    chosen, part = in_store(chosen, regions, split) if regions else (chosen, None)
    started = perf_counter()
    with Bar("caption") as bar:
        captions, errors = caption_split(
            captioner, share(chosen), regions, config=config, progress=bar
        )
        seconds = (perf_counter() - started) / max(1, len(captions))
        captions = gather(captions, chosen)
        exit_code = _report_missing(chosen, captions, errors, bar.write)
    if not scores_here:
        return exit_code
    chosen = [record for record in chosen if record.image_id in captions]
    with Bar("embed") as bar:
        pictures = embed_pictures(clip_model, chosen, progress=bar) if clip_model else None
    scoring = Scoring(tokenizer=scoring_tokenizer, metrics=metrics, clip=pictures)
    results = evaluate_captions(
        captions,
        chosen,
        training,
        captioner,
        baselines=baselines(training, chosen, regions, scoring),
        config=config,
        scoring=scoring,
    )
    name = model.model or _model_name(run, data_language)
    cost = {"parameters": float(count_parameters(captioner))}
    cost |= {} if regions else {"seconds": seconds}
    results = replace(results, split=split, model=name, data=_data_name(data), cost=cost)
    _write(_as_part(results, part) if part else results, captions, output, json)
    return exit_code


def _model_name(run: list[Path] | None, language: "Language") -> str:
    """Name the captioner for the report's title."""
    from tushuo.text.tokenization import LANGUAGES

    if not run:
        return f"The {LANGUAGES[language]} model of tushuo"
    return " + ".join(path.resolve().name for path in run)


def _data_name(data: Path) -> str:
    """Name a folder of caption data; a file with its folder."""
    path = data.resolve()
    return path.name if path.is_dir() else f"{path.parent.name}/{path.name}"


def _as_part(results: "Results", part: "Part") -> "Results":
    """State in the results that they are of a part of the split."""
    from dataclasses import replace

    signature = f"{results.signature}|{part.signature}"
    return replace(results, signature=signature, notes=[*results.notes, part.note])


def _write(
    results: "Results", captions: "dict[int | str, PictureResult]", output: Path | None, json: bool
) -> None:
    """Save and print the results."""
    import msgspec

    from tushuo.evaluation.results import save_results, write_captions

    if output and output.suffix == ".json":
        write_captions(output, captions)
    elif output:
        save_results(output, results, captions)
    if json:
        print(msgspec.json.encode(results).decode())
    else:
        _show(results)


def _require_scorable(metrics: tuple[str, ...], tokenizer: str, output: Path | None) -> None:
    """Raise what would stop the scoring before all pictures are captioned, not after."""
    from tushuo.errors import SettingError
    from tushuo.metrics.score import score

    if output and output.suffix != ".json" and output.is_file():
        raise SettingError(f"output was {output}, a file; name a folder, or captions as NAME.json")
    score({"one": "a dog"}, {"one": ["a dog"]}, tokenizer=tokenizer, metrics=metrics)


def _report_missing(
    records: "list[Record]",
    captions: "dict[int | str, PictureResult]",
    errors: Mapping[str, str],
    write: Callable[[str], None],
) -> int:
    """Name the first pictures without a caption, count the others; return the exit code."""
    from tushuo.listing import first_few

    missing = [r for r in records if r.captions and r.image_id not in captions]
    lines = [f"skipped: {errors.get(str(record.path), record.path)}" for record in missing]
    for line in first_few(lines, f"more pictures skipped; {NAME_ALL}"):
        write(line)
    return 1 if missing else 0


def _show(results: "Results") -> None:
    """Print scores with their intervals beside the baselines', then the caption diagnostics."""
    from tushuo.cli.tables import print_table

    rows = []
    for name, value in results.scores.items():
        baselines = [format_number(scores[name]) for scores in results.baselines.values()]
        interval = format_interval(results.intervals[name])
        rows.append([name, format_number(value), interval, *baselines])
    print_table(["metric", "this run", "95 % interval", *results.baselines], rows)
    print()
    diagnostics = [[name, format_number(value)] for name, value in results.diagnostics.items()]
    print_table(["diagnostic", "this run"], diagnostics)
    if "seconds" in results.cost:
        size, seconds = results.cost["parameters"] / 1e6, results.cost["seconds"]
        print(f"{size:.1f} million parameters, {seconds:.2g} seconds a picture")
    print(results.signature)
    print_notes(results.notes)
