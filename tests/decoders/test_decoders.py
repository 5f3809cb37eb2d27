"""What every decoder must hold."""

import copy
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import cast

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import cross_entropy, nll_loss

from tests.conftest import from_docs
from tushuo.decoders import DECODERS, settings_of
from tushuo.decoders.base import Attending, Decoder
from tushuo.decoders.show_attend_gru import ShowAttendGRU
from tushuo.decoders.top_down import TopDown, TopDownConfig
from tushuo.errors import SettingError
from tushuo.runs.run import prepare_for_inference
from tushuo.search import search
from tushuo.search.config import SearchConfig
from tushuo.text.vocabulary import END, START
from tushuo.training.batches import Batch, Example, collate

WIDTH, VOCABULARY, REGIONS = 8, 20, 6
TINY = {"embedding": 16, "units": 32, "layers": 2, "attention": 16}  # as far as a decoder has them
FORMS = {  # of the GRU
    "show_attend_gru, deep": {"output": "deep"},
    "show_attend_gru, gate": {"gate": True},
    "show_attend_gru, deep, gate": {"output": "deep", "gate": True},
}


def known(name: str) -> tuple[type[Decoder], type]:
    name = name.partition(",")[0]
    if name in DECODERS:
        return DECODERS[name]
    shown = from_docs(f"decoders/{name}.py")
    return shown["ShowAndTell"], shown["ShowAndTellConfig"]


def make(name: str, seed: int = 0, *, width: int = WIDTH, vocabulary: int = VOCABULARY) -> Decoder:
    torch.manual_seed(seed)
    kind, settings = known(name)
    names = {field.name for field in fields(settings)}
    chosen = TINY | FORMS.get(name, {})
    tiny = settings(**{name: value for name, value in chosen.items() if name in names})
    return kind(width=width, vocabulary=vocabulary, config=tiny).eval()


@pytest.fixture(params=[*DECODERS, *FORMS, "show_and_tell"])  # the last one as the docs show it
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def decoder(name: str) -> Decoder:
    return make(name)


@pytest.fixture
def decoder64(name: str) -> Decoder:
    """In float64, for tests that compare two orders of summation on whatever processor."""
    return make(name).double()


def random_regions(pictures: int) -> Tensor:
    return torch.rand(pictures, REGIONS, WIDTH, dtype=torch.float64)


EXAMPLES = [
    Example(0, [[START, 5, 6, 7, END], [START, 8, END]]),
    Example(1, [[START, 9, 10, END], [START, END], [START, 11, 12, 13, 14, END]]),
]


def test_forward_equals_chained_steps(decoder64: Decoder) -> None:
    regions, batch = random_regions(2), collate(EXAMPLES)
    logits = decoder64(regions, batch.words, batch.pictures).log_softmax(-1)
    state, place = decoder64.start(regions).select(batch.pictures), 0
    for words in batch.words.data.split(batch.words.batch_sizes.tolist()):
        state = state.select(torch.arange(len(words)))
        step = decoder64.step(words, state)
        torch.testing.assert_close(step.log_probs, logits[place : place + len(words)])
        torch.testing.assert_close(step.attention.sum(-1), torch.ones(len(words)).double())
        state, place = step.state, place + len(words)
    assert place == len(logits) == sum(len(c) - 1 for e in EXAMPLES for c in e.captions)


def test_captions_in_one_batch_equal_captions_alone(decoder64: Decoder) -> None:
    regions, batch = random_regions(2), collate(EXAMPLES)
    logits = decoder64(regions, batch.words, batch.pictures)
    ensemble = cross_entropy(logits, batch.targets, reduction="sum")
    alone = sum(
        cross_entropy(
            decoder64(regions[e.row : e.row + 1], one.words, one.pictures), one.targets,
            reduction="sum",
        )
        for e in EXAMPLES
        for caption in e.captions
        for one in [collate([Example(0, [caption])])]
    )  # fmt: skip
    torch.testing.assert_close(ensemble, alone)


def test_rows_of_one_picture_in_any_order_share_its_regions(decoder64: Decoder) -> None:
    state = decoder64.start(random_regions(7))
    made = {of.data_ptr() for of in tensors(state)}
    for rows in ([0, 0, 0, 6, 6], [5, 2, 5, 5, 2, 0, 1, 3, 4, 6], [4, 4]):
        beam = state.select(torch.tensor(rows))
        assert all(of.data_ptr() in made for of in tensors(beam) if REGIONS in of.shape)
        words = torch.arange(4, 4 + len(rows))
        for place, row in enumerate(rows):
            alone = decoder64.step(words[place : place + 1], state.select(torch.tensor([row])))
            ensemble = decoder64.step(words, beam)
            torch.testing.assert_close(ensemble.log_probs[place], alone.log_probs[0])
            torch.testing.assert_close(ensemble.attention[place], alone.attention[0])


def test_hypotheses_of_one_state_look_once() -> None:
    decoder = make("show_attend_gru")
    looked: list[int] = []
    cast(ShowAttendGRU, decoder).query.register_forward_hook(
        lambda module, given, found: looked.append(len(found))
    )
    state = decoder.start(torch.rand(3, REGIONS, WIDTH)).select(torch.tensor([0, 0, 0, 2, 2]))
    state = decoder.step(torch.arange(4, 9), state).state.select(torch.tensor([1, 1, 0, 4, 3]))
    decoder.step(torch.arange(4, 9), state)
    assert looked == [2, 4]


def tensors(state: object) -> Iterator[Tensor]:
    """Every tensor of a state, however it is put together."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, tuple):
        for part in state:
            yield from tensors(part)
    elif is_dataclass(state):
        for field in fields(state):
            yield from tensors(getattr(state, field.name))


def test_a_saved_decoder_says_the_same(name: str, decoder: Decoder, tmp_path: Path) -> None:
    save_file(decoder.state_dict(), tmp_path / "weights.safetensors")
    again = make(name, seed=1)
    regions, batch = torch.rand(2, REGIONS, WIDTH), collate(EXAMPLES)
    told = decoder(regions, batch.words, batch.pictures)
    assert not again(regions, batch.words, batch.pictures).equal(told)
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert again(regions, batch.words, batch.pictures).equal(told)


def test_two_equal_steps_have_equal_gradients(decoder: Decoder) -> None:
    decoder.train()
    regions, batch = torch.rand(2, REGIONS, WIDTH), collate(EXAMPLES)
    found = []
    for _ in range(2):
        torch.manual_seed(0)
        decoder.zero_grad()
        cross_entropy(decoder(regions, batch.words, batch.pictures), batch.targets).backward()
        found.append([weight.grad for weight in decoder.parameters()])
    assert all(weight is not None for weight in found[0])  # every weight learns
    assert all(one.equal(two) for one, two in zip(*found, strict=True))


@pytest.mark.parametrize("scale", [1.0, 1000.0])  # beyond where tanh is 1, too
def test_the_way_back_is_that_of_chained_steps(decoder64: Decoder, scale: float) -> None:
    for of, weight in decoder64.named_parameters():
        weight.data *= scale if of == "key.weight" else 1
    regions, batch = random_regions(2), collate(EXAMPLES)
    logits, maps = attend(decoder64, regions, batch)
    wanted = torch.rand_like(maps)  # a training that has a say in the maps
    (cross_entropy(logits, batch.targets) + (wanted * maps).sum()).backward()
    forward = [weight.grad.clone() for weight in decoder64.parameters() if weight.grad is not None]
    decoder64.zero_grad()
    state, steps = decoder64.start(regions).select(batch.pictures), []
    for words in batch.words.data.split(batch.words.batch_sizes.tolist()):
        step = decoder64.step(words, state.select(torch.arange(len(words))))
        state = step.state
        steps.append(step)
    loss = nll_loss(torch.cat([step.log_probs for step in steps]), batch.targets)
    if isinstance(decoder64, Attending):
        looked = torch.cat([step.attention for step in steps])
        torch.testing.assert_close(maps, looked)
        loss = loss + (wanted * looked).sum()
    loss.backward()
    for weight, expected in zip(decoder64.parameters(), forward, strict=True):
        torch.testing.assert_close(weight.grad, expected)


def test_float32_is_near_float64(decoder: Decoder, decoder64: Decoder) -> None:
    """Some ten layers and steps of sums of some thirty products each round by 2 ** -24."""
    regions, batch = random_regions(2), collate(EXAMPLES)
    logits, gradients = [], []
    for model in (decoder, decoder64):
        found = model(regions.to(next(model.parameters()).dtype), batch.words, batch.pictures)
        cross_entropy(found, batch.targets).backward()
        logits.append(found)
        gradients.append(torch.cat([weight.grad.flatten() for weight in model.parameters()]))
    for single, double in (logits, gradients):
        assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
        assert (single - double).abs().max() < 10 * 30 * 2**-24 * double.abs().max()


def attend(decoder: Decoder, regions: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Run a batch; maps of zeros where the decoder does not tell where it looked."""
    if isinstance(decoder, Attending):
        return decoder.attend(regions, batch.words, batch.pictures)
    logits = decoder(regions, batch.words, batch.pictures)
    return logits, logits.new_zeros(len(logits), REGIONS)


def test_the_docs_name_every_decoder_s_settings() -> None:
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
    for name, (_, settings) in DECODERS.items():
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `{name}`")]
        told = re.findall(r"`(\w+)`", line.split("|")[3])
        assert told == [field.name for field in fields(settings)], name


def test_whole_numbers_may_come_as_floats() -> None:
    assert settings_of("transformer", {"units": 64.0, "dropout": 0.5}).units == 64


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("transfromer", {}, "'transfromer' is unknown, known: show_attend_gru"),
        ("top_down", {"heads": 4}, "top_down has no setting 'heads', it has: embedding, units"),
        ("top_down", {"units": 20.5}, "settings of top_down do not fit: .*units"),
        ("transformer", {"units": 20}, "multiple of 8"),
        ("transformer", {"heads": 0}, "transformer's heads was 0, it must be at least 1"),
        ("show_attend_gru", {"units": 0.0}, "units was 0, it must be at least 1"),
        ("show_attend_gru", {"output": "wide"}, "show_attend_gru do not fit: .*output"),
        ("show_attend_gru", {"units": "many"}, "show_attend_gru do not fit: .*units"),
        ("show_attend_gru", {"gate": 3}, "show_attend_gru do not fit: .*gate"),
        ("show_attend_gru", {"dropout": 1}, "dropout was 1, it must be at least 0 and below 1"),
        ("show_attend_gru", {"dropout": float("nan")}, "dropout was nan"),
    ],
)
def test_settings_that_cannot_be(name: str, given: dict[str, float], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        settings_of(name, given)


def test_a_step_says_the_same_with_and_without_gradients(decoder64: Decoder) -> None:
    """Without, the last layer takes a faster way; rows of one picture in any order."""
    state = decoder64.start(random_regions(3))
    rows = torch.tensor([2, 0, 0, 1, 2, 2])
    words = torch.arange(4, 10)
    plain = decoder64.step(words, state.select(rows))
    with torch.inference_mode():
        fast = decoder64.step(words, state.select(rows))
    assert plain.log_probs.requires_grad
    torch.testing.assert_close(fast.log_probs, plain.log_probs)
    torch.testing.assert_close(fast.attention, plain.attention)


def test_a_decoder_made_ready_says_the_same(decoder64: Decoder) -> None:
    state, words = decoder64.start(random_regions(3)), torch.tensor([4, 5, 6])
    before, weights = decoder64.step(words, state).log_probs, decoder64.state_dict()
    kept = {name: weight.clone() for name, weight in weights.items()}
    torch.testing.assert_close(
        prepare_for_inference(decoder64).step(words, state).log_probs, before
    )
    assert all(torch.equal(weight, kept[name]) for name, weight in decoder64.state_dict().items())


def test_a_decoder_made_ready_may_learn_on(decoder64: Decoder) -> None:
    state, words = decoder64.start(random_regions(3)), torch.tensor([4, 5, 6])
    prepare_for_inference(decoder64).train().eval()
    for weight in decoder64.parameters():
        weight.mul_(1.5)
    fresh = copy.deepcopy(decoder64)
    plain = fresh.step(words, state).log_probs
    torch.testing.assert_close(prepare_for_inference(decoder64).step(words, state).log_probs, plain)


def test_select_permutes_hypotheses(decoder64: Decoder) -> None:
    state = decoder64.start(random_regions(3))
    words, order = torch.tensor([5, 6, 7]), torch.tensor([2, 0, 1])
    plain = decoder64.step(words, state).log_probs[order]
    torch.testing.assert_close(decoder64.step(words[order], state.select(order)).log_probs, plain)


@pytest.mark.parametrize("config", [SearchConfig(), SearchConfig(search="sample", seed=3)])
def test_a_batch_says_what_singles_say(decoder64: Decoder, config: SearchConfig) -> None:
    regions = random_regions(5)
    batch = search(decoder64, regions, config)
    for one, (hypothesis,) in zip(regions, batch, strict=True):
        ((alone,),) = search(decoder64, one[None], config)
        assert alone.words == hypothesis.words
        # a search keeps float32, so each number was rounded by 2 ** -24 of it at most
        assert alone.log_prob == pytest.approx(hypothesis.log_prob, rel=2**-23)
        assert len(alone.attention) == len(alone.words)


def test_a_fresh_top_down_hears_the_last_word() -> None:
    """With a last layer of the usual size it is 0.009, and learning begins slowly."""
    torch.manual_seed(0)
    decoder = TopDown(width=1280, vocabulary=500, config=TopDownConfig()).eval()
    said = decoder.step(
        torch.tensor([5, 6]), decoder.start(torch.rand(1, 4, 1280).expand(2, 4, -1))
    )
    assert 0.02 < (said.log_probs[0] - said.log_probs[1]).std() < 0.5


def test_eight_pictures_are_learned_by_heart(decoder: Decoder) -> None:
    torch.manual_seed(1)
    decoder.train()
    for module in decoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    regions = torch.rand(8, REGIONS, WIDTH)
    captions = [[4 + (n * k) % 16 for k in range(1, 3 + n % 4)] for n in range(1, 9)]
    batch = collate([Example(n, [[START, *c, END]]) for n, c in enumerate(captions)])
    optimizer = torch.optim.Adam(decoder.parameters(), lr=1e-2)
    for _ in range(150):
        loss = cross_entropy(decoder(regions, batch.words, batch.pictures), batch.targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    spoken = search(decoder.eval(), regions, SearchConfig())
    assert [best[0].words for best in spoken] == captions
