"""Doubly stochastic attention: the penalty, and a training with it."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from tushuo.decoders.show_attend_gru import ShowAttendGRU, ShowAttendGRUConfig
from tushuo.search import search
from tushuo.search.config import SearchConfig
from tushuo.text.vocabulary import END, START
from tushuo.training.attention_regularization import WithAttentionMaps, doubly_stochastic_penalty
from tushuo.training.batches import Example, collate
from tushuo.training.config import TrainConfig
from tushuo.training.objective import CrossEntropy

TINY = ShowAttendGRUConfig(embedding=16, units=32, attention=16, dropout=0.0)
REGIONS = 6


def decoder(seed: int = 0) -> ShowAttendGRU:
    torch.manual_seed(seed)
    return ShowAttendGRU(width=8, vocabulary=20, config=TINY)


def test_the_penalty_equals_a_plain_loop() -> None:
    lengths = [4, 2, 1]
    maps = [torch.rand(length, 5, dtype=torch.float64).softmax(-1) for length in lengths]
    expected = 0.0
    for caption in maps:
        for region in range(5):
            expected += (1 - sum(float(word[region]) for word in caption)) ** 2
    packed = torch.nn.utils.rnn.pack_sequence(maps)
    assert doubly_stochastic_penalty(packed.data, packed.batch_sizes).item() == pytest.approx(
        expected
    )


def test_attending_to_every_region_once_costs_nothing() -> None:
    assert doubly_stochastic_penalty(torch.eye(4), torch.ones(4, dtype=torch.int64)).item() == 0.0


@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_the_penalty_is_weighted_and_the_curve_shows_the_plain_loss(weight: float) -> None:
    examples = [Example(0, [[START, 5, 6, END], [START, 7, END]])]
    batch, model = collate(examples), decoder().double()
    regions = torch.rand(1, REGIONS, 8, dtype=torch.float64)
    config = TrainConfig(doubly_stochastic=weight)
    outcome = CrossEntropy(examples, config)(WithAttentionMaps(model), [0], regions)
    logits, maps = model.forward_with_attention(regions, batch.words, batch.pictures)
    plain = cross_entropy(logits, batch.targets, reduction="sum")
    expected = plain + weight * doubly_stochastic_penalty(maps, batch.words.batch_sizes)
    torch.testing.assert_close(outcome.loss, expected)
    assert outcome.reported == pytest.approx(plain.item())


@pytest.mark.parametrize("sampling", [0.0, 0.2])
def test_eight_pictures_are_memorised_with_more_even_attention(sampling: float) -> None:
    captions = [[4 + (n * k) % 16 for k in range(1, 3 + n % 4)] for n in range(1, 9)]
    examples = [Example(n, [[START, *c, END]]) for n, c in enumerate(captions)]
    torch.manual_seed(1)
    regions, batch, penalties = torch.rand(8, REGIONS, 8), collate(examples), []
    for weight in (0.0, 1.0):
        model = decoder()
        config = TrainConfig(doubly_stochastic=weight, scheduled_sampling=sampling)
        objective, optimizer = CrossEntropy(examples, config), torch.optim.Adam(model.parameters())
        optimizer.param_groups[0]["lr"] = 1e-2
        for _ in range(150):
            optimizer.zero_grad()
            trained = WithAttentionMaps(model) if weight else model
            (objective(trained, range(8), regions, 1.0).loss / len(batch.targets)).backward()
            optimizer.step()
        assert [best[0].words for best in search(model.eval(), regions, SearchConfig())] == captions
        _, maps = model.forward_with_attention(regions, batch.words, batch.pictures)
        penalties.append(doubly_stochastic_penalty(maps, batch.words.batch_sizes).item())
    assert penalties[1] < penalties[0]
