"""A Transformer that reads concepts instead of regions."""

import torch
from torch.nn.utils.rnn import pack_sequence

from tushuo.decoders import build
from tushuo.decoders.concept_embedding import ConceptEmbedding

SETTINGS = {"units": 32, "layers": 2, "heads": 2, "dropout": 0.0, "concepts": 9}


def concepts() -> torch.Tensor:
    torch.manual_seed(0)
    index = torch.randint(9, (3, 5, 1)).double()
    return torch.cat([index, torch.randn(3, 5, 1).double(), torch.zeros(3, 5, 1).double()], -1)


def test_index_and_log_odds_are_embedded_and_the_cell_is_not() -> None:
    embedding = ConceptEmbedding(concepts=9, units=8).double()
    given = concepts()
    embedded = embedding(given)
    assert embedded.shape == (3, 5, 8)
    for column, same in ((0, False), (1, False), (2, True)):
        changed = given.clone()
        changed[..., column] = (changed[..., column] + 1) % 9
        assert torch.equal(embedding(changed), embedded) == same


def test_training_equals_chained_steps() -> None:
    decoder = build("transformer", SETTINGS, width=3, vocabulary=11).double().eval()
    given, words = concepts(), torch.tensor([1, 5, 7, 4])
    logits = decoder(given, pack_sequence([words] * 3), torch.arange(3))  # type: ignore[arg-type]
    state = decoder.start(given)
    for time, word in enumerate(words):
        step = decoder.step(word.expand(3), state)
        state = step.state
        packed = logits[3 * time : 3 * time + 3].log_softmax(-1)
        torch.testing.assert_close(step.log_probs, packed, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(step.attention.sum(1), torch.ones(3).double())
