"""The estimate of memory grows with its parts."""

from dataclasses import replace

from tests.conftest import MeanEncoder
from tushuo.training.memory import BASE_BYTES, training_bytes
from tushuo.training.plan import TrainingPlan


def test_training_bytes_grow_with_batch_words_and_vocabulary() -> None:
    plan = TrainingPlan()
    spec = replace(MeanEncoder.spec, rows=8, columns=8, width=2048)
    small = training_bytes(plan, spec, vocabulary=5000, words=12.0)
    double = replace(plan, training=replace(plan.training, batch_size=128))
    # 64 more captions: for each of 12 words and 4 copies, regions x units numbers, and the logits
    more = 64 * (16 * 64 * 512 + 3 * 12 * 5000) * 4
    assert training_bytes(double, spec, vocabulary=5000, words=12.0) - small == more
    assert training_bytes(plan, spec, vocabulary=9000, words=12.0) > small > BASE_BYTES
