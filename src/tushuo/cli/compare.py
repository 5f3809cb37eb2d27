"""``tushuo compare``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tushuo.cli.options import WHOLE_NUMBER
from tushuo.cli.score import (
    DEFAULT_METRICS,
    DocumentFrequencies,
    OptionalMetrics,
    Tokenizer,
    describe_choice,
    format_number,
    print_notes,
    read_caption_data,
    read_matching,
    warn_of_tokenizer,
)
from tushuo.listing import SHOWN

if TYPE_CHECKING:
    from tushuo.metrics.compare import Difference


def compare(
    first: Annotated[
        Path, Parameter(help="captions or their scores: a file, or a results folder of evaluate")
    ],
    second: Annotated[Path, Parameter(help="captions of the same pictures, or their scores")],
    *,
    references: Annotated[
        Path | None,
        Parameter(
            help="COCO captions JSON, {id: [captions]}, or caption data (docs/data.md); default: "
            "those in the scores"
        ),
    ] = None,
    tokenizer: Tokenizer = None,
    seed: Annotated[
        int, WHOLE_NUMBER, Parameter(help="seed of the bootstrap and of the permutation test")
    ] = 0,
    optional: OptionalMetrics = DEFAULT_METRICS,
    df: DocumentFrequencies = None,
    force: Annotated[
        bool, Parameter(help="recompute scores that are not comparable", negative="")
    ] = False,
    json: Annotated[bool, Parameter(help="JSON instead of a table", negative="")] = False,
) -> int:
    """Test whether two sets of captions differ by more than chance, by a permutation test.

    Also prints a 95 % interval of each difference (paired bootstrap), and on how many pictures each
    set scores higher.

    Takes files of captions or of scores (--json of score and evaluate). Scores are refused if they
    were computed with other references, another tokenizer or other document frequencies.

    Example: tushuo compare results other-results
    """
    from functools import partial

    import msgspec

    from tushuo.errors import SettingError, SignatureError
    from tushuo.metrics.compare import compare as compare_all
    from tushuo.metrics.compare import incomparable
    from tushuo.metrics.document_frequencies import DocumentFrequencies
    from tushuo.metrics.read import read_signature
    from tushuo.metrics.score import choose_tokenizer, cider_notes, signature_of

    if seed < 0:
        raise SettingError(f"seed must be at least 0, got {seed}")
    for path in (first, second):
        _require_captions(path)
    people = _references(references, first, second)
    frequencies = DocumentFrequencies.load(df) if df else None
    chosen, by_text = tokenizer or choose_tokenizer(people), tokenizer is None
    sign = partial(signature_of, people, tokenizer=chosen, frequencies=frequencies)
    problem = incomparable({str(path): read_signature(path) for path in (first, second)}, sign())
    if problem and not force:
        raise SignatureError(
            f"{problem}; pass the options they were scored with, or --force to score them anew"
        )
    one, other = (read_matching(path, people) for path in (first, second))
    warn_of_tokenizer(chosen, by_text, people, one.values(), other.values())
    names = optional.names(chosen)
    differences = compare_all(
        one, other, people, tokenizer=chosen, frequencies=frequencies, metrics=names, seed=seed
    )
    if json:
        print(msgspec.json.encode(differences).decode())
    else:
        _print_table(differences, first, second)
        if by_text:
            print(describe_choice(chosen))
        print(sign(chosen_by_text=by_text, metrics=names))
    print_notes(cider_notes(len(people), frequencies))
    return 0


def _require_captions(path: Path) -> None:
    """Refuse a path without captions; of a folder, name the files in it that have some."""
    from tushuo.errors import DataError
    from tushuo.metrics.read import read_hypotheses

    try:
        read_hypotheses(path, read_data=read_caption_data)
    except DataError as error:
        if not path.is_dir():
            raise
        plain = (path / "run.json").is_file() or any(path.glob("*.json"))
        reason = f"{path} has no scores.json" if plain else str(error)
        raise DataError(f"{reason}; {_files_in(path)}") from error


def _files_in(folder: Path) -> str:
    """Describe which files of a folder have captions."""
    from tushuo.errors import DataError
    from tushuo.metrics.read import read_hypotheses

    usable = []
    for file in sorted(folder.glob("*.json")):
        try:
            read_hypotheses(file)
        except DataError:
            continue
        usable.append(str(file))
    if usable:
        return f"with captions: {', '.join(usable)}; name one of them"
    names = sorted(file.name for file in folder.iterdir())
    content = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    run = folder if (folder / "run.json").is_file() else "RUN"
    return (
        f"no file in {folder} has captions (it has {content or 'no files'}); make them with: "
        f"tushuo evaluate DATA --run {run} --output RESULTS, and compare RESULTS"
    )


def _references(references: Path | None, *paths: Path) -> dict[str, list[str]]:
    """Read the references; None: those in the first scores that have some."""
    from tushuo.errors import DataError
    from tushuo.evaluation.results import read_results
    from tushuo.metrics.read import read_references

    if references:
        return read_references(references, read_data=read_caption_data)
    for path in paths:
        try:
            pictures = read_results(path).pictures
        except DataError:
            continue  # captions alone
        if pictures and all(one.references for one in pictures.values()):
            return {name: [*one.references] for name, one in pictures.items()}
    raise DataError(
        f"neither {paths[0]} nor {paths[1]} has references; name them with --references: COCO "
        "captions JSON, {id: [captions]}; or compare folders of tushuo evaluate --output or files "
        "of tushuo score --json, which have references"
    )


def _print_table(differences: "dict[str, Difference | None]", first: Path, second: Path) -> None:
    """Print a row for each score; undefined ones have dashes."""
    from tushuo.cli.tables import print_table

    heads = ("metric", first.stem, second.stem, "change", "95 % interval", "p", "wins", "losses")
    rows = []
    for name, result in differences.items():
        if result is None:
            rows.append([name, *["-"] * (len(heads) - 1)])
            continue
        rows.append(
            [
                name,
                format_number(result.first),
                format_number(result.second),
                f"{result.first - result.second:+.4f}",
                f"{result.interval[0]:+.4f} to {result.interval[1]:+.4f}",
                f"{result.p:.3f}",
                str(result.wins),
                str(result.losses),
            ]
        )
    print_table(heads, rows)
