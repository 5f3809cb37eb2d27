"""``tushuo tags``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from tushuo.cli.options import WHOLE_NUMBER
from tushuo.cli.picture_log import PictureLog
from tushuo.cli.runs import Device
from tushuo.cli.sources import encodable, expand, on_one_line, picture_of, require_name

if TYPE_CHECKING:
    from tushuo.captioning.evidence import Concept
    from tushuo.errors import PictureError

BATCH_PICTURES = 16


def tags(
    *pictures: Annotated[
        str,
        Parameter(
            help="files, folders, globs, http(s) addresses, or - for standard input",
            allow_leading_hyphen=True,
        ),
    ],
    model: Annotated[
        str | None,
        Parameter(
            help="concept model made by fit-tags, or a CLIP or SigLIP model: hf:FOLDER, or "
            "hf:OWNER/MODEL of the Hugging Face hub; default: the concept model that comes with "
            "tushuo"
        ),
    ] = None,
    words: Annotated[
        Path | None,
        Parameter(
            help="file with a word in each line, of CLIP and SigLIP models; default: the words of "
            "ImageNet's classes"
        ),
    ] = None,
    language: Annotated[
        Literal["en", "zh"], Parameter(help="language of the words, without --model or --words")
    ] = "en",
    device: Device = "cpu",
    json: Annotated[bool, Parameter(help="print one JSON object a line", negative="")] = False,
    most: Annotated[int, WHOLE_NUMBER, Parameter(help="print at most this many words")] = 10,
    min_probability: Annotated[float, Parameter(help="leave out less probable words")] = 0.2,
) -> int:
    """List what pictures show: words with their probabilities and places.

    Probabilities of a CLIP or SigLIP model are not calibrated: choose --most and --min-probability
    for it. It names no places.

    Prints the picture's name, a tab and the words, a line for each picture. A picture that cannot
    be opened has no such line: its error goes to standard error, with --json into its object. The
    exit code is 0 if all pictures were tagged, 1 if some failed, and 2 if all did or the command
    could not run.

    Example: tushuo tags photos/ --json
    """
    from functools import partial

    from tushuo.captioning.batching import in_batches
    from tushuo.captioning.clip_tagger import read_words
    from tushuo.captioning.tagger import load_tagger
    from tushuo.cli.progress import Bar, progress_of
    from tushuo.errors import PictureError, SettingError

    if not pictures:
        raise SettingError("no picture was given; name files, folders, or - for standard input")
    if not 0 <= min_probability <= 1:
        raise SettingError(f"min-probability was {min_probability}, but must be from 0 to 1")
    for name in pictures:
        require_name(name, "tags")
    listed = read_words(words) if words else None
    with Bar("words", passing=True) as bar:
        tagger = load_tagger(model, words=listed, language=language, device=device, progress=bar)
    sources = expand(pictures)
    log = PictureLog(len(sources), done="tagged", json=json)
    with progress_of("tags", sources, BATCH_PICTURES) as progress:
        for source, result in in_batches(
            partial(tagger.tag_batch, most=most),
            sources,
            picture_of,
            batch_pictures=BATCH_PICTURES,
            progress=progress,
            total=len(sources),
        ):
            if isinstance(result, PictureError):
                log.failed(source, result)
            if json or not isinstance(result, PictureError):
                print(_line(source, result, json, min_probability), flush=True)
    return log.close()


def _line(
    source: str, result: "list[Concept] | PictureError", json: bool, min_probability: float
) -> str:
    import msgspec

    from tushuo.errors import PictureError

    if isinstance(result, PictureError):
        content: dict[str, object] = {"image": encodable(source), "error": encodable(str(result))}
        return msgspec.json.encode(content).decode()
    concepts = [concept for concept in result if concept.probability >= min_probability]
    if json:
        content = {"image": encodable(source), "concepts": [one.rounded() for one in concepts]}
        return msgspec.json.encode(content).decode()
    words = ", ".join(f"{concept.word} {concept.probability:.2f}" for concept in concepts)
    return f"{on_one_line(encodable(source))}\t{words or 'nothing above --min-probability'}"
