"""The learning curve as log.csv and for TensorBoard, and the most frequent generated caption."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from tushuo.runtime import write_bytes
from tushuo.training.checkpoint import EpochRow


def write_csv(path: Path, rows: Sequence[EpochRow]) -> None:
    """Write one line per epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(EpochRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_bytes(path, text.getvalue().encode())


def write_tensorboard(folder: Path, row: EpochRow) -> None:
    """Append the measurements of one epoch."""
    from tensorboardX import SummaryWriter

    folder.mkdir(parents=True, exist_ok=True)  # SummaryWriter's own check and creation can race
    with SummaryWriter(str(folder), purge_step=row.epoch) as writer:
        for name, value in (
            ("loss/train", row.train_loss),
            ("loss/val", row.val_loss),
            ("cider/val", row.val_cider),
            ("reward/train", row.reward),
        ):
            if value is not None:
                writer.add_scalar(name, value, row.epoch)


def most_frequent(captions: Sequence[str]) -> tuple[str, float]:
    """Return the most frequent caption and its share of all captions."""
    caption, count = Counter(captions).most_common(1)[0]
    return caption, count / len(captions)
