"""Parts of a step: schedule, moving average, smoothing, word dropout, scheduled sampling."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import PackedSequence

from tushuo.text.vocabulary import END, START, UNK
from tushuo.training.batches import Example, collate
from tushuo.training.config import TrainConfig
from tushuo.training.objective import CrossEntropy, drop_words, scheduled_inputs
from tushuo.training.schedule import learning_rate
from tushuo.training.weight_average import WeightAverage


@pytest.mark.parametrize(
    ("done", "rate"), [(0.5, 0.25), (1.0, 0.5), (2.0, 1.0), (6.0, 0.5), (10.0, 0.0), (10.1, 0.0)]
)
def test_the_learning_rate_rises_and_falls(done: float, rate: float) -> None:
    config = TrainConfig(epochs=10, learning_rate=1.0, warm_up=2.0, schedule="cosine")
    assert learning_rate(config, done) == pytest.approx(rate, abs=1e-12)


def test_a_constant_learning_rate_is_constant() -> None:
    config = TrainConfig(epochs=10, learning_rate=0.1)
    assert {learning_rate(config, done) for done in (0.1, 5.0, 10.0)} == {0.1}


def test_the_moving_average_follows_the_weights_and_replaces_them() -> None:
    model = nn.Linear(1, 1, bias=False).double()
    model.weight.data.fill_(0.0)
    average = WeightAverage(model, decay=0.5)
    for step, value in enumerate((1.0, 2.0, 4.0), 1):
        model.weight.data.fill_(value)
        average.update(step)
    # the decay of the first steps is (1 + n) / (10 + n): 2/11, 3/12, 4/13
    expected = 4 / 13 * (3 / 12 * (9 / 11) + 9 / 12 * 2) + 9 / 13 * 4
    with average.in_place():
        assert float(model.weight.detach()) == pytest.approx(expected)
    assert float(model.weight.detach()) == 4.0
    assert float(average.weights["weight"]) == pytest.approx(expected)


def test_sampled_words_replace_the_next_inputs() -> None:
    batch = collate([Example(0, [[START, 5, 6, 7, END], [START, 8, END]])])
    sampled = torch.tensor([11, 12, 13, END, 15, 16])  # after <start> <start> 5 8 6 7
    inputs = scheduled_inputs(batch.words, sampled, 1.0)
    assert inputs.data.tolist() == [START, START, 11, 12, 13, 15]
    assert batch.words.data.tolist() == [START, START, 5, 8, 6, 7]
    assert scheduled_inputs(batch.words, sampled, 0.0).data.equal(batch.words.data)


def test_an_end_is_never_an_input_and_the_share_is_kept() -> None:
    torch.manual_seed(0)
    words = collate([Example(0, [[START, *[7] * 200, END]] * 3)]).words
    inputs = scheduled_inputs(words, torch.full_like(words.data, 9), 0.25).data
    assert (inputs[:3] == START).all()
    assert 0.2 < (inputs[3:] == 9).float().mean() < 0.3
    assert scheduled_inputs(words, torch.full_like(words.data, END), 1.0).data.equal(words.data)


class RecordsInputs(nn.Module):
    """Always predicts word 8, and records its last input words."""

    def forward(self, regions: object, words: PackedSequence, pictures: object) -> torch.Tensor:
        self.inputs = words.data
        logits = torch.full((len(words.data), 9), -50.0)
        logits[:, 8] = 50.0
        return logits.requires_grad_()


@pytest.mark.parametrize(("done", "inputs"), [(0.0, [START, 5, 6]), (1.0, [START, 8, 8])])
def test_the_share_of_sampled_inputs_rises(done: float, inputs: list[int]) -> None:
    config = TrainConfig(scheduled_sampling=0.999)
    objective, model = CrossEntropy([Example(0, [[START, 5, 6, END]])], config), RecordsInputs()
    torch.manual_seed(0)
    objective(model, [0], torch.zeros(1, 2, 3), done)
    assert model.inputs.tolist() == inputs


class Fixed(nn.Module):
    """Returns the same logits for all inputs."""

    def __init__(self, logits: torch.Tensor):
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, regions: object, words: object, pictures: object) -> torch.Tensor:
        return self.logits


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_smoothing_equals_torch_and_the_curve_shows_the_plain_loss(smoothing: float) -> None:
    example = Example(0, [[START, 5, 6, END], [START, 7, END]])
    targets = collate([example]).targets
    logits = torch.randn(len(targets), 9, dtype=torch.float64)
    objective = CrossEntropy([example], TrainConfig(label_smoothing=smoothing))
    outcome = objective(Fixed(logits), [0], torch.zeros(1, 2, 3))
    smooth = cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing)
    torch.testing.assert_close(outcome.loss.detach(), smooth)
    plain = cross_entropy(logits, targets, reduction="sum")
    assert (outcome.reported, outcome.count) == (pytest.approx(plain.item()), len(targets))


def test_dropped_words_become_unknown_and_the_start_stays() -> None:
    torch.manual_seed(0)
    words = collate([Example(0, [[START, *[7] * 200, END]] * 3)]).words
    assert drop_words(words, 0.0) is words
    inputs = drop_words(words, 0.25).data
    assert (inputs[:3] == START).all()
    assert set(inputs[3:].tolist()) == {7, UNK}
    assert 0.2 < (inputs[3:] == UNK).float().mean() < 0.3
