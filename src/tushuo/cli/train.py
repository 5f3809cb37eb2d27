"""``tushuo train``."""

import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from tushuo.cli.progress import Bar
    from tushuo.decoders.base import Decoder
    from tushuo.train.checkpoint import EpochRow
    from tushuo.train.loop import ReadRegions, Watcher
    from tushuo.train.start import Lesson

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
    encoder: Annotated[str, Parameter(help="on the fly: who looks")] = "efficientnet_lite2",
    max_captions: Annotated[int | None, Parameter(help="use only so many captions")] = None,
    max_images: Annotated[int | None, Parameter(help="use only so many pictures")] = None,
    vocabulary: Annotated[int, Parameter(help="how many words to keep")] = 5000,
    min_count: Annotated[int, Parameter(help="drop words used less often")] = 1,
    dropout: Annotated[float, Parameter(help="against learning by heart")] = 0.4,
    epochs: Annotated[int, Parameter(help="passes over the training captions")] = 20,
    batch_size: Annotated[int, Parameter(help="captions a step")] = 64,
    learning_rate: Annotated[float, Parameter(help="of Adam")] = 1e-3,
    precision: Annotated[
        Literal["float32", "bfloat16"], Parameter(help="bfloat16 where the machine has it")
    ] = "float32",
    seed: Annotated[int, Parameter(help="decides weights, order, dropout and split")] = 0,
) -> int:
    """Learn to caption from DATA; the same command goes on with a run that was stopped.

    Example: tushuo train flickr8k --store store --output run
    """
    import tushuo.data
    from tushuo import encoders
    from tushuo.cli.progress import Bar
    from tushuo.data.limits import limit
    from tushuo.data.split import with_splits
    from tushuo.features.on_the_fly import read_on_the_fly
    from tushuo.features.store import FeatureStore
    from tushuo.train.loop import TrainConfig, fit
    from tushuo.train.start import LearnConfig, start
    from tushuo.vocabulary import VocabularyConfig

    config = LearnConfig(
        splitting=split or ("jieba" if language == "zh" else "words"),
        vocabulary=VocabularyConfig(words=vocabulary, min_count=min_count),
        decoder_settings={"dropout": dropout},
        training=TrainConfig(
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            precision=precision,
            seed=seed,
        ),
    )
    records = tushuo.data.read(data, images=images, language=language)
    records = limit(records, max_captions=max_captions, max_images=max_images, seed=seed)
    records = with_splits(records, by=split_by, seed=seed)
    read: ReadRegions
    if store:
        regions = FeatureStore.open(store)
        regions.require_finished()
        rows, spec, signature, read = (
            regions.rows(),
            regions.spec,
            regions.signature(),
            regions.read,
        )
    else:
        looker = encoders.load(encoder)
        paths = {record.image_id: record.path for record in records}
        rows = {name: row for row, name in enumerate(paths)}
        spec, signature = looker.spec, looker.spec.signature
        read = read_on_the_fly(looker, list(paths.values()))
    lesson = start(records, rows, spec, signature, output, config)
    with Bar("train") as bar:
        bar.say(
            f"{len(lesson.training)} pictures to learn from, {len(lesson.validation)} to check on, "
            f"{len(lesson.vocabulary)} words"
        )
        watcher = _watcher(lesson, read, output, bar)
        history = fit(
            lesson.decoder,
            lesson.training,
            lesson.validation,
            read,
            config.training,
            output,
            watcher,
        )
    if len(history) < epochs:
        raise KeyboardInterrupt
    best = min(history, key=lambda row: row.val_loss)
    print(f"{output}: best of {epochs} epochs is {best.epoch}, validation loss {best.val_loss:.3f}")
    return 0


def _watcher(lesson: "Lesson", read: "ReadRegions", output: Path, bar: "Bar") -> "Watcher":
    """Tie the training to the terminal and to the run folder's curves."""
    from tushuo.train.loop import Moment, Watcher

    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, lambda *_: stop.set())

    def step(now: Moment) -> None:
        words = (
            f"epoch {now.epoch}/{now.epochs}  loss {now.loss:.3f}  "
            f"{now.captions_per_second:.0f} captions/s  {now.seconds_left / 60:.0f} min left"
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
    found = search(decoder, read(watched), lesson.config.search)
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
