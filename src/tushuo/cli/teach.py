"""``tushuo teach``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tushuo.cli.flags import given, with_given
from tushuo.cli.options import WHOLE_NUMBER, Weights
from tushuo.cli.picture_log import PictureLog
from tushuo.cli.progress import progress_of
from tushuo.cli.runs import NO_MODEL, Device, Model, ModelLanguage, Runs, open_captioner
from tushuo.cli.search import RUN_DEFAULTS, SearchOptions
from tushuo.cli.sources import encodable

if TYPE_CHECKING:
    from tushuo.captioning.caption import Caption
    from tushuo.captioning.captioner import Captioner
    from tushuo.captioning.taught_file import LeftOut, TaughtFile, TaughtRow
    from tushuo.captioning.teaching import Filters
    from tushuo.errors import PictureError
    from tushuo.search.config import SearchConfig

BATCH_PICTURES = 16


def teach(
    *photos: Annotated[
        str, Parameter(help="photographs: files, folders, globs", allow_leading_hyphen=True)
    ],
    output: Annotated[Path, Parameter(help="JSON lines to write, or to go on with")],
    run: Runs = None,
    language: ModelLanguage = None,
    weights: Weights = None,
    device: Device = "cpu",
    captions: Annotated[
        int, WHOLE_NUMBER, Parameter(help="captions kept per photograph, at most")
    ] = 3,
    min_confidence: Annotated[
        float | None,
        Parameter(
            help="leave out photographs whose best caption is below it; 0.5 where the captioner is "
            "calibrated for this search"
        ),
    ] = None,
    min_log_prob: Annotated[
        float | None,
        Parameter(
            help="drop captions whose mean log-probability per word, in nats, is below it; -1.5 "
            "where captions have no confidence"
        ),
    ] = None,
    license: Annotated[
        str | None,
        Parameter(help="terms of the captioner; default: those of its model card, or unknown"),
    ] = None,
    model: Model = NO_MODEL,
    search: SearchOptions = RUN_DEFAULTS,
) -> int:
    """Caption photographs as data for train: a small model learns from a larger one.

    Writes one JSON object for each photograph with captions, and those without to
    OUTPUT.left_out. The same command resumes one that was stopped. The exit code is that of
    caption.

    Example: tushuo teach photos/ --output captions.jsonl
    """
    from tushuo.captioning.taught_file import open_taught
    from tushuo.captioning.teaching import Filters, with_candidates

    filters = Filters(captions=captions, min_confidence=min_confidence, min_log_prob=min_log_prob)
    names = _photographs(photos, output)
    captioner = open_captioner(run, model, language=language, weights=weights, device=device)
    config = with_given(captioner.info.search, search)
    if "n_best" not in given(search):
        config = with_candidates(config, captions)
    if min_confidence is not None:
        captioner.require_confidence(config)
    signature = f"{captioner.signature(config)}|{filters.signature(config)}"
    with open_taught(output, signature) as taught:
        rows = _Rows(captioner, filters, license, signature)
        code = _caption_all(names, rows, config, taught)
        _summarise(output, taught)
    return code


class _Rows:
    """Makes the rows of one teacher."""

    def __init__(
        self, captioner: "Captioner", filters: "Filters", license: str | None, signature: str
    ):
        from tushuo.models.card import license_of

        self.captioner, self._filters, self._signature = captioner, filters, signature
        card = captioner.info.card or captioner.info.folder
        self._license = license or (card and license_of(card)) or "unknown"

    def row(self, name: str, result: "Caption | PictureError") -> "TaughtRow | LeftOut":
        from tushuo.captioning.taught_file import LeftOut, TaughtRow
        from tushuo.captioning.teaching import mean_log_prob, select
        from tushuo.errors import PictureError

        if isinstance(result, PictureError):
            return LeftOut(
                image=name,
                reason="cannot be opened",
                detail=encodable(str(result)),
                signature=self._signature,
            )
        info = self.captioner.info
        selection = select(result, self._filters, info.language)
        if selection.reason:
            return LeftOut(
                image=name,
                reason=selection.reason,
                detail=result.text,
                dropped=selection.dropped,
                signature=self._signature,
            )
        means = [mean_log_prob(caption) for caption in selection.captions]
        return TaughtRow(
            image=name,
            captions=tuple(caption.text for caption in selection.captions),
            mean_log_probs=tuple(round(mean, 4) for mean in means if mean is not None) or None,
            confidence=None if result.confidence is None else round(result.confidence, 4),
            dropped=selection.dropped,
            teacher=info.name,
            license=self._license,
            signature=self._signature,
        )


def _photographs(photos: tuple[str, ...], output: Path) -> dict[str, Path]:
    """Return the photographs by their names in the file, without repetitions."""
    from tushuo.captioning.taught_file import name_beside
    from tushuo.cli.sources import expand, is_remote, require_name
    from tushuo.errors import SettingError

    if not photos:
        raise SettingError("no photograph was given; name files or folders")
    for name in photos:
        require_name(name, "teach")
        if is_remote(name):
            raise SettingError(
                f"{name} is no file, and training needs files; save the photograph, and name its "
                "folder"
            )
    return {name_beside(path, output): path for path in map(Path, expand(photos))}


def _caption_all(
    names: dict[str, Path], rows: _Rows, config: "SearchConfig", taught: "TaughtFile"
) -> int:
    """Caption the photographs that are not in the file yet; return the exit code."""
    from tushuo.captioning.batching import caption_all
    from tushuo.errors import PictureError

    remaining = [name for name in names if name not in taught.done]
    log = PictureLog(len(remaining), done="captioned", json=False)
    with progress_of("teach", remaining, BATCH_PICTURES) as progress:
        results = caption_all(
            rows.captioner,
            remaining,
            names.__getitem__,
            config=config,
            batch_pictures=BATCH_PICTURES,
            progress=progress,
            total=len(remaining),
        )
        for name, result in results:
            if isinstance(result, PictureError):
                log.failed(str(names[name]), result)
                if not names[name].is_file():  # may come later, so it is not done
                    continue
            taught.add(rows.row(name, result))
    return log.close()


def _summarise(output: Path, taught: "TaughtFile") -> None:
    from tushuo.captioning.taught_file import left_out_path

    print(f"{output}: {taught.captions} captions of {taught.photographs} photographs")
    if taught.left_out:
        count = taught.left_out.total()
        print(f"{left_out_path(output)}: {count} photographs left out: {_list(taught.left_out)}")
    if taught.dropped:
        print(f"{taught.dropped.total()} captions dropped: {_list(taught.dropped)}")


def _list(counts: "dict[str, int]") -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {reason}" for reason, count in ordered)
