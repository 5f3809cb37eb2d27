"""``tushuo score``."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from tushuo.cli.runs import Device

if TYPE_CHECKING:
    from tushuo.evaluation.clip import Clip
    from tushuo.metrics.score import Scores

References = Annotated[
    Path, Parameter(help="COCO captions JSON, {id: [captions]}, or caption data (docs/data.md)")
]
Tokenizer = Annotated[
    Literal["ptb", "jieba", "characters"] | None,
    Parameter(
        help="ptb: the official one, for English; jieba or characters: for Chinese; default: ptb "
        "or jieba, by the text of the references"
    ),
]
DocumentFrequencies = Annotated[
    Path | None, Parameter(help="document frequencies for CIDEr, saved by --save-df")
]
ClipModel = Annotated[
    str | None,
    Parameter(
        help="folder of a CLIP or SigLIP model, or hf:OWNER/MODEL of the Hugging Face hub: "
        "compares captions with pictures (CLIPScore; cosines by SigLIP)"
    ),
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class OptionalMetrics:
    """Metrics that require more than tushuo alone."""

    meteor: Annotated[
        bool | None,
        Parameter(help="METEOR; by default for English if its data is installed (extra official)"),
    ] = None
    meteor_java: Annotated[
        bool, Parameter(help="METEOR by the official program; requires Java too", negative="")
    ] = False
    spice: Annotated[
        bool,
        Parameter(help="SPICE; requires the extra official, Java and its parser", negative=""),
    ] = False

    def names(self, tokenizer: str) -> tuple[str, ...]:
        """Return the names of all selected metrics in the official order.

        Prints a note where METEOR would be a default but is not installed.

        Raises:
            SettingError: METEOR was selected in both ways.
        """
        from tushuo.errors import SettingError
        from tushuo.metrics.meteor.extra import installed
        from tushuo.metrics.official import INSTALL
        from tushuo.metrics.score import METRICS

        if self.meteor and self.meteor_java:
            raise SettingError(
                "--meteor and --meteor-java compute the same score; pass only one of them"
            )
        meteor = self.meteor
        if meteor is None and tokenizer == "ptb" and not self.meteor_java:
            meteor = installed()
            if not meteor:
                print_notes([f"METEOR is left out; to include it: {INSTALL}"])
        optional = {"meteor": meteor, "meteor-java": self.meteor_java, "spice": self.spice}
        return tuple(name for name in METRICS if optional.get(name, True))


DEFAULT_METRICS = OptionalMetrics()


def score(
    *,
    references: References,
    hypotheses: Annotated[
        Path, Parameter(help="COCO results JSON, {id: caption}, or a table of image and caption")
    ],
    tokenizer: Tokenizer = None,
    optional: OptionalMetrics = DEFAULT_METRICS,
    df: DocumentFrequencies = None,
    save_df: Annotated[
        Path | None, Parameter(help="file to save these references' document frequencies in")
    ] = None,
    clip: ClipModel = None,
    images: Annotated[
        Path | None,
        Parameter(help="folder of the pictures, named as the captions' ids; for --clip"),
    ] = None,
    device: Device = "cpu",
    json: Annotated[
        bool, Parameter(help="JSON with the scores of each picture", negative="")
    ] = False,
) -> int:
    """Score captions as the official COCO evaluator does, without Java.

    Example: tushuo score --references captions_val2014.json --hypotheses results.json
    """
    from dataclasses import replace

    from tushuo.metrics.cider import frequencies_of
    from tushuo.metrics.document_frequencies import DocumentFrequencies
    from tushuo.metrics.read import read_references
    from tushuo.metrics.score import choose_tokenizer, corpus_of
    from tushuo.metrics.score import score as score_all

    _require_both(clip, images)
    people = read_references(references, read_data=read_caption_data)
    captions = read_matching(hypotheses, people)
    chosen = tokenizer or choose_tokenizer(people)
    warn_of_tokenizer(chosen, tokenizer is None, people, captions.values())
    judge = _judge(clip, images, people, device) if clip and images else None
    scores = score_all(
        captions,
        people,
        tokenizer=tokenizer,
        metrics=optional.names(chosen),
        frequencies=DocumentFrequencies.load(df) if df else None,
        extra_metrics=[judge(captions, people)] if judge else [],
    )
    if judge:
        scores = replace(scores, signature=f"{scores.signature}|{judge.signature}")
    if save_df:
        frequencies_of(corpus_of(captions, people, chosen), tokenizer=chosen).save(save_df)
    if json:
        choice = {"tokenizer": chosen, "tokenizer_chosen_by": "option" if tokenizer else "text"}
        _print_json(scores, choice, captions, people)
        return 0
    _print_table(scores)
    if tokenizer is None:
        print(describe_choice(chosen))
    print(scores.signature)
    print_notes(scores.notes)
    return 0


def _require_both(clip: str | None, images: Path | None) -> None:
    """Refuse a model without pictures, and pictures without a model."""
    from tushuo.errors import SettingError

    if clip and not images:
        raise SettingError("--clip compares captions with pictures; name their folder by --images")
    if images and not clip:
        raise SettingError(f"--images {images} has no use without --clip; name a model by --clip")


def _judge(clip: str, images: Path, references: Mapping[str, Sequence[str]], device: str) -> "Clip":
    """Embed the pictures of the references."""
    from tushuo.cli.progress import Bar
    from tushuo.encoders.clip import load
    from tushuo.evaluation.clip import embed_pictures
    from tushuo.evaluation.named_pictures import find_by_ids

    records = find_by_ids(references, images)
    model = load(clip, device=device)
    with Bar("embed") as bar:
        return embed_pictures(model, records, progress=bar)


def _print_json(
    scores: "Scores",
    choice: Mapping[str, str],
    captions: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
) -> None:
    """Print everything as one JSON object."""
    from dataclasses import asdict

    import msgspec

    pictures = {
        name: {"caption": captions[name], "references": written}
        for name, written in references.items()
    }
    print(msgspec.json.encode({**asdict(scores), **choice, "pictures": pictures}).decode())


def _print_table(scores: "Scores") -> None:
    """Print a row for each score, with its interval."""
    from tushuo.cli.tables import print_table

    rows = [
        [name, format_number(value), format_interval(scores.intervals[name])]
        for name, value in scores.scores.items()
    ]
    print_table(["metric", "score", "95 % interval"], rows)


def read_matching(path: Path, references: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Read hypotheses, named as the references name their pictures; print a note where renamed."""
    from tushuo.metrics.picture_ids import match_pictures
    from tushuo.metrics.read import read_hypotheses

    captions, notes = match_pictures(read_hypotheses(path, read_data=read_caption_data), references)
    print_notes(f"{path}: {note}" for note in notes)
    return captions


def read_caption_data(path: Path) -> dict[str, list[str]]:
    """Read the captions of each picture from caption data of any format that tushuo knows."""
    import tushuo.data

    captions: dict[str, list[str]] = {}
    for record in tushuo.data.read(path):
        captions.setdefault(str(record.image_id), []).extend(record.captions)
    return {name: texts for name, texts in captions.items() if texts}


def describe_choice(tokenizer: str) -> str:
    """State that the text has chosen the tokenizer."""
    from tushuo.text.language import TOKENIZER_LANGUAGES
    from tushuo.text.tokenization import LANGUAGES

    language = LANGUAGES[TOKENIZER_LANGUAGES[tokenizer]]
    return f"tokenizer {tokenizer}, chosen by the text of the references ({language})"


def warn_of_tokenizer(
    tokenizer: str,
    chosen_by_text: bool,
    references: Mapping[str, Sequence[str]],
    *hypotheses: Iterable[str],
) -> None:
    """Print a warning where references, or else hypotheses, contradict the tokenizer."""
    if chosen_by_text:
        cure = "most are not, so it was chosen; use --tokenizer jieba, which splits both languages"
    else:
        cure = (
            "use --tokenizer jieba or characters for Chinese, ptb for English, or leave "
            "--tokenizer out"
        )
    written = (caption for captions in references.values() for caption in captions)
    if print_tokenizer_warning(written, tokenizer, name="references", cure=cure):
        return
    cure = "score captions against references in their language"
    for captions in hypotheses:
        if print_tokenizer_warning(captions, tokenizer, name="hypotheses", cure=cure):
            return


def print_tokenizer_warning(
    captions: Iterable[str], tokenizer: str, *, name: str = "captions", cure: str
) -> bool:
    """Print a warning to stderr where captions contradict the tokenizer; return whether."""
    from tushuo.text.language import tokenizer_warning

    warning = tokenizer_warning(captions, tokenizer, name=name, cure=cure)
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    return warning is not None


def format_number(value: float | int | None) -> str:
    """Format a score or a count; an undefined one is a dash."""
    return "-" if value is None else str(value) if isinstance(value, int) else f"{value:.4f}"


def format_interval(ends: tuple[float, float] | None) -> str:
    """Format both ends of an interval; an undefined one is a dash."""
    return "-" if ends is None else f"{format_number(ends[0])} to {format_number(ends[1])}"


def print_notes(notes: Iterable[str]) -> None:
    """Print notes on the scores to stderr."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
