"""``tushuo train``."""

import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from cyclopts import Parameter

if TYPE_CHECKING:
    from tushuo.cli.progress import Bar
    from tushuo.data.record import Record
    from tushuo.decoders.base import Decoder
    from tushuo.features.regions import Regions
    from tushuo.train.checkpoint import EpochRow
    from tushuo.train.loop import ReadRegions, Watcher
    from tushuo.train.start import Lesson

Settings = TypeVar("Settings", bound=Any)
WATCHED_PICTURES = 64
SHOWN_CAPTIONS = 3


def train(
    data: Path,
    *,
    output: Annotated[Path, Parameter(help="the run folder")],
    store: Annotated[Path | None, Parameter(help="regions; without it, made on the fly")] = None,
    images: Annotated[Path | None, Parameter(help="folder of the pictures")] = None,
    language: Annotated[Literal["en", "zh"], Parameter(help="which captions DATA means")] = "en",
    split: Annotated[
        Literal["words", "jieba", "characters"] | None,
        Parameter(help="how captions become words; en: words, zh: jieba"),
    ] = None,
    split_by: Annotated[
        Literal["picture", "caption"], Parameter(help="where DATA brings no split")
    ] = "picture",
    recipe: Annotated[Literal["small", "lesson"], Parameter(help="what is not given")] = "small",
    decoder: Annotated[
        Literal["show_attend_gru", "top_down", "transformer"] | None,
        Parameter(help="who speaks; docs/training.md"),
    ] = None,
    encoder: Annotated[str | None, Parameter(help="on the fly: who looks")] = None,
    weights: Annotated[
        Path | None, Parameter(help="on the fly: the encoder's weights file")
    ] = None,
    max_captions: Annotated[int | None, Parameter(help="use only so many captions")] = None,
    max_images: Annotated[int | None, Parameter(help="use only so many pictures")] = None,
    vocabulary: Annotated[int | None, Parameter(help="how many words to keep")] = None,
    min_count: Annotated[int | None, Parameter(help="drop words used less often")] = None,
    dropout: Annotated[float | None, Parameter(help="against learning by heart")] = None,
    epochs: Annotated[int | None, Parameter(help="passes over the training captions")] = None,
    batch_size: Annotated[int | None, Parameter(help="captions a step")] = None,
    learning_rate: Annotated[float | None, Parameter(help="of Adam")] = None,
    precision: Annotated[
        Literal["float32", "bfloat16"] | None, Parameter(help="bfloat16 where the machine has it")
    ] = None,
    seed: Annotated[int, Parameter(help="decides weights, order, dropout and split")] = 0,
) -> int:
    """Learn to caption from DATA; the same command goes on with a run that was stopped.

    Example: tushuo train flickr8k --store store --output run
    """
    import tushuo.data
    from tushuo.cli.progress import Bar
    from tushuo.data.limits import limit
    from tushuo.data.split import with_splits
    from tushuo.recipes import RECIPES
    from tushuo.runtime import processes
    from tushuo.train.loop import fit
    from tushuo.train.start import start

    chosen = RECIPES[recipe]()
    speaker, settings = decoder or chosen.learn.decoder, chosen.learn.decoder_settings
    training = _given(chosen.learn.training, learning_rate=learning_rate, precision=precision)
    config = replace(
        chosen.learn,
        splitting=split or ("jieba" if language == "zh" else "words"),
        vocabulary=_given(chosen.learn.vocabulary, words=vocabulary, min_count=min_count),
        decoder=speaker,
        decoder_settings=(settings if speaker == chosen.learn.decoder else {})  # another's sizes
        | _only(dropout=dropout),
        training=_given(training, epochs=epochs, batch_size=batch_size, seed=seed),
    )
    most = chosen.max_captions if max_captions is None else max_captions
    records = tushuo.data.read(data, images=images, language=language)
    records = limit(records, max_captions=most, max_images=max_images, seed=seed)
    records = with_splits(records, by=split_by, seed=seed)
    regions = _regions(records, store, encoder or chosen.encoder, weights)
    lesson = start(records, regions, output, config)
    with Bar("train") as bar:
        bar.say(
            f"{len(lesson.training)} pictures to learn from, {len(lesson.validation)} to check on, "
            f"{len(lesson.vocabulary)} words"
        )
        watcher = _watcher(lesson, regions.read, output, bar)
        examples = (lesson.training, lesson.validation)
        history = fit(lesson.decoder, *examples, regions.read, config.training, output, watcher)
    if len(history) < config.training.epochs:
        raise KeyboardInterrupt
    best = min(history, key=lambda row: row.val_loss)
    told = f"best of {len(history)} epochs is {best.epoch}, validation loss {best.val_loss:.3f}"
    if processes()[0] == 0:
        print(f"{output}: {told}")
    return 0


def _regions(
    records: "list[Record]", store: Path | None, encoder: str, weights: Path | None
) -> "Regions":
    """Take the regions of the store, or make them on the fly; name the pictures left out."""
    from tushuo import encoders
    from tushuo.cli.progress import Bar
    from tushuo.features.regions import Regions

    if store:
        regions = Regions.from_store(store)
    else:
        with Bar("weights") as bar:
            looker = encoders.load(encoder, weights=weights, progress=bar.bytes("weights"))
        with Bar("open") as bar:
            regions = Regions.on_the_fly(looker, records, progress=bar)
    with Bar("train") as bar:
        for path, error in regions.failed.items():
            bar.say(f"left out: {path}: {error}")
    return regions


def _given(settings: Settings, **values: object) -> Settings:
    """Put what was given in the place of a recipe's choices."""
    return replace(settings, **_only(**values))


def _only(**values: Any) -> dict[str, Any]:
    """Keep what was given."""
    return {name: value for name, value in values.items() if value is not None}


def _watcher(lesson: "Lesson", read: "ReadRegions", output: Path, bar: "Bar") -> "Watcher":
    """Tie the training to the terminal and to the run folder's curves."""
    from tushuo.train.loop import Moment, Watcher

    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, lambda *_: stop.set())

    def step(now: Moment) -> None:
        """Show a step."""
        words = (
            f"epoch {now.epoch}/{now.epochs}  loss {now.loss:.3f}  "
            f"{now.captions_per_second:.0f} captions/s"
        )
        bar((now.epoch - 1) * now.steps + now.step, now.epochs * now.steps, words)

    return replace(
        Watcher(),
        step=step,
        epoch=lambda decoder, rows: _after_epoch(decoder, rows, lesson, read, output, bar),
        stop=stop.is_set,
    )


def _after_epoch(
    decoder: "Decoder",
    rows: list["EpochRow"],
    lesson: "Lesson",
    read: "ReadRegions",
    output: Path,
    bar: "Bar",
) -> None:
    """Write the curves, speak the watched pictures, and warn when they all get one sentence."""
    import msgspec

    from tushuo.report.loss_curve import draw_loss_curve
    from tushuo.runtime import write_bytes
    from tushuo.search import search
    from tushuo.text import join
    from tushuo.train.curves import SAME_CAPTION_SHARE, sameness, write_csv, write_tensorboard

    now = rows[-1]
    write_csv(output / "log.csv", rows)
    write_tensorboard(output / "tensorboard", now)
    draw_loss_curve(rows, output / "loss.png")
    watched = lesson.watched[:WATCHED_PICTURES]
    found = search(decoder, read(watched), lesson.config.search, vocabulary=lesson.vocabulary)
    captions = [
        join(lesson.vocabulary.decode(best[0].words), lesson.config.splitting) for best in found
    ]
    told = [
        {"image": name, "caption": caption}
        for name, caption in zip(lesson.names, captions, strict=False)
    ]
    write_bytes(output / "samples" / f"epoch_{now.epoch:03d}.json", msgspec.json.encode(told))
    bar.say(
        f"epoch {now.epoch}: training loss {now.train_loss:.3f}, validation loss "
        f"{now.val_loss:.3f}, {now.seconds:.0f} s"
    )
    for line in told[:SHOWN_CAPTIONS]:
        bar.say(f"  {line['image']}: {line['caption']}")
    caption, share = sameness(captions)
    if len(captions) > 1 and share > SAME_CAPTION_SHARE:
        bar.say(f"warning: {share:.0%} of the watched pictures get the same caption: {caption!r}")
