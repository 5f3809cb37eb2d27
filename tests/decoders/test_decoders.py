"""Properties that every decoder must have."""

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
from tushuo.decoders.base import AttentionDecoder, Decoder
from tushuo.decoders.show_attend_gru import ShowAttendGRU
from tushuo.decoders.top_down import TopDown, TopDownConfig
from tushuo.errors import SettingError
from tushuo.runs.run import prepare_for_inference
from tushuo.search import search
from tushuo.search.config import SearchConfig
from tushuo.text.vocabulary import END, START
from tushuo.training.batches import Batch, Example, collate

WIDTH, VOCABULARY, REGIONS = 8, 20, 6
TINY = {"embedding": 16, "units": 32, "layers": 2, "attention": 16}  # where the decoder has them
GRU_VARIANTS = {
    "show_attend_gru, deep": {"output": "deep"},
    "show_attend_gru, gate": {"gate": True},
    "show_attend_gru, deep, gate": {"output": "deep", "gate": True},
}


def classes(name: str) -> tuple[type[Decoder], type]:
    """Return a decoder's class and that of its settings."""
    name = name.partition(",")[0]
    if name in DECODERS:
        return DECODERS[name]
    example = from_docs(f"decoders/{name}.py")
    return example["ShowAndTell"], example["ShowAndTellConfig"]


def make(name: str, seed: int = 0, *, width: int = WIDTH, vocabulary: int = VOCABULARY) -> Decoder:
    torch.manual_seed(seed)
    decoder, config = classes(name)
    names = {field.name for field in fields(config)}
    settings = TINY | GRU_VARIANTS.get(name, {})
    tiny = config(**{name: value for name, value in settings.items() if name in names})
    return decoder(width=width, vocabulary=vocabulary, config=tiny).eval()


@pytest.fixture(params=[*DECODERS, *GRU_VARIANTS, "show_and_tell"])  # the last from the docs
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def decoder(name: str) -> Decoder:
    return make(name)


@pytest.fixture
def decoder64(name: str) -> Decoder:
    """In float64, for comparisons of two orders of summation: processors round differently."""
    return make(name).double()


def random_regions(pictures: int) -> Tensor:
    return torch.rand(pictures, REGIONS, WIDTH, dtype=torch.float64)


EXAMPLES = [
    Example(0, [[START, 5, 6, 7, END], [START, 8, END]]),
    Example(1, [[START, 9, 10, END], [START, END], [START, 11, 12, 13, 14, END]]),
]


def test_forward_equals_chained_steps(decoder64: Decoder) -> None:
    regions, batch = random_regions(2), collate(EXAMPLES)
    log_probs = decoder64(regions, batch.words, batch.pictures).log_softmax(-1)
    state, done = decoder64.start(regions).select(batch.pictures), 0
    for words in batch.words.data.split(batch.words.batch_sizes.tolist()):
        state = state.select(torch.arange(len(words)))
        step = decoder64.step(words, state)
        torch.testing.assert_close(step.log_probs, log_probs[done : done + len(words)])
        torch.testing.assert_close(step.attention.sum(-1), torch.ones(len(words)).double())
        state, done = step.state, done + len(words)
    assert done == len(log_probs) == sum(len(c) - 1 for e in EXAMPLES for c in e.captions)


def test_captions_in_one_batch_equal_captions_alone(decoder64: Decoder) -> None:
    regions, batch = random_regions(2), collate(EXAMPLES)
    logits = decoder64(regions, batch.words, batch.pictures)
    together = cross_entropy(logits, batch.targets, reduction="sum")
    alone = sum(
        cross_entropy(
            decoder64(regions[e.row : e.row + 1], single.words, single.pictures), single.targets,
            reduction="sum",
        )
        for e in EXAMPLES
        for caption in e.captions
        for single in [collate([Example(0, [caption])])]
    )  # fmt: skip
    torch.testing.assert_close(together, alone)


def test_rows_of_one_picture_in_any_order_share_its_regions(decoder64: Decoder) -> None:
    state = decoder64.start(random_regions(7))
    addresses = {tensor.data_ptr() for tensor in tensors(state)}
    for rows in ([0, 0, 0, 6, 6], [5, 2, 5, 5, 2, 0, 1, 3, 4, 6], [4, 4]):
        beam = state.select(torch.tensor(rows))
        shared = [tensor for tensor in tensors(beam) if REGIONS in tensor.shape]
        assert all(tensor.data_ptr() in addresses for tensor in shared)
        words = torch.arange(4, 4 + len(rows))
        for place, row in enumerate(rows):
            alone = decoder64.step(words[place : place + 1], state.select(torch.tensor([row])))
            together = decoder64.step(words, beam)
            torch.testing.assert_close(together.log_probs[place], alone.log_probs[0])
            torch.testing.assert_close(together.attention[place], alone.attention[0])


def test_hypotheses_with_one_state_attend_once() -> None:
    decoder = make("show_attend_gru")
    query_rows: list[int] = []
    cast(ShowAttendGRU, decoder).query.register_forward_hook(
        lambda module, inputs, queries: query_rows.append(len(queries))
    )
    state = decoder.start(torch.rand(3, REGIONS, WIDTH)).select(torch.tensor([0, 0, 0, 2, 2]))
    state = decoder.step(torch.arange(4, 9), state).state.select(torch.tensor([1, 1, 0, 4, 3]))
    decoder.step(torch.arange(4, 9), state)
    assert query_rows == [2, 4]


def tensors(state: object) -> Iterator[Tensor]:
    """Yield every tensor of a state, however nested."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, tuple):
        for part in state:
            yield from tensors(part)
    elif is_dataclass(state):
        for field in fields(state):
            yield from tensors(getattr(state, field.name))


def test_a_saved_decoder_gives_equal_logits(name: str, decoder: Decoder, tmp_path: Path) -> None:
    save_file(decoder.state_dict(), tmp_path / "weights.safetensors")
    loaded = make(name, seed=1)
    regions, batch = torch.rand(2, REGIONS, WIDTH), collate(EXAMPLES)
    logits = decoder(regions, batch.words, batch.pictures)
    assert not loaded(regions, batch.words, batch.pictures).equal(logits)
    loaded.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert loaded(regions, batch.words, batch.pictures).equal(logits)


def test_equal_steps_have_equal_gradients(decoder: Decoder) -> None:
    decoder.train()
    regions, batch = torch.rand(2, REGIONS, WIDTH), collate(EXAMPLES)
    gradients = []
    for _ in range(2):
        torch.manual_seed(0)
        decoder.zero_grad()
        cross_entropy(decoder(regions, batch.words, batch.pictures), batch.targets).backward()
        gradients.append([weight.grad for weight in decoder.parameters()])
    assert all(gradient is not None for gradient in gradients[0])  # no weight is unused
    assert all(first.equal(second) for first, second in zip(*gradients, strict=True))


@pytest.mark.parametrize("scale", [1.0, 1000.0])  # also where tanh is saturated
def test_backward_equals_autograd_of_chained_steps(decoder64: Decoder, scale: float) -> None:
    for name, weight in decoder64.named_parameters():
        weight.data *= scale if name == "key.weight" else 1
    regions, batch = random_regions(2), collate(EXAMPLES)
    logits, maps = forward_with_attention(decoder64, regions, batch)
    map_weights = torch.rand_like(maps)  # the loss depends on the attention maps, too
    (cross_entropy(logits, batch.targets) + (map_weights * maps).sum()).backward()
    expected = [weight.grad.clone() for weight in decoder64.parameters() if weight.grad is not None]
    decoder64.zero_grad()
    state, steps = decoder64.start(regions).select(batch.pictures), []
    for words in batch.words.data.split(batch.words.batch_sizes.tolist()):
        step = decoder64.step(words, state.select(torch.arange(len(words))))
        state = step.state
        steps.append(step)
    loss = nll_loss(torch.cat([step.log_probs for step in steps]), batch.targets)
    if isinstance(decoder64, AttentionDecoder):
        step_maps = torch.cat([step.attention for step in steps])
        torch.testing.assert_close(maps, step_maps)
        loss = loss + (map_weights * step_maps).sum()
    loss.backward()
    for weight, gradient in zip(decoder64.parameters(), expected, strict=True):
        torch.testing.assert_close(weight.grad, gradient)


def test_float32_is_close_to_float64(decoder: Decoder, decoder64: Decoder) -> None:
    """About ten layers and steps, each a sum of about thirty products rounded by 2 ** -24."""
    regions, batch = random_regions(2), collate(EXAMPLES)
    logits, gradients = [], []
    for model in (decoder, decoder64):
        dtype = next(model.parameters()).dtype
        logits.append(model(regions.to(dtype), batch.words, batch.pictures))
        cross_entropy(logits[-1], batch.targets).backward()
        gradients.append(torch.cat([weight.grad.flatten() for weight in model.parameters()]))
    for single, double in (logits, gradients):
        assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
        assert (single - double).abs().max() < 10 * 30 * 2**-24 * double.abs().max()


def forward_with_attention(
    decoder: Decoder, regions: Tensor, batch: Batch
) -> tuple[Tensor, Tensor]:
    """Run a batch; return maps of zeros where the decoder does not return its own."""
    if isinstance(decoder, AttentionDecoder):
        return decoder.forward_with_attention(regions, batch.words, batch.pictures)
    logits = decoder(regions, batch.words, batch.pictures)
    return logits, logits.new_zeros(len(logits), REGIONS)


def test_docs_list_the_settings_of_every_decoder() -> None:
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
    for name, (_, config) in DECODERS.items():
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `{name}`")]
        listed = re.findall(r"`(\w+)`", line.split("|")[3])
        assert listed == [field.name for field in fields(config)], name


def test_integer_settings_may_be_given_as_floats() -> None:
    assert settings_of("transformer", {"units": 64.0, "dropout": 0.5}).units == 64


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("transfromer", {}, "unknown decoder 'transfromer'; known decoders: show_attend_gru"),
        ("top_down", {"heads": 4}, "top_down has no setting 'heads'; it has: embedding, units"),
        ("top_down", {"units": 20.5}, "invalid settings of top_down: .*units"),
        ("transformer", {"units": 20}, "units must be a multiple of 8 with 4 heads, got 20"),
        ("transformer", {"heads": 0}, "transformer: heads must be at least 1, got 0"),
        ("show_attend_gru", {"units": 0.0}, "units must be at least 1, got 0"),
        ("show_attend_gru", {"output": "wide"}, "settings of show_attend_gru: .*output"),
        ("show_attend_gru", {"units": "many"}, "settings of show_attend_gru: .*units"),
        ("show_attend_gru", {"gate": 3}, "settings of show_attend_gru: .*gate"),
        ("show_attend_gru", {"dropout": 1}, "dropout must be at least 0 and below 1, got 1"),
        ("show_attend_gru", {"dropout": float("nan")}, "at least 0 and below 1, got nan"),
    ],
)
def test_invalid_settings_are_refused(name: str, given: dict[str, float], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        settings_of(name, given)


def test_a_step_is_equal_with_and_without_gradients(decoder64: Decoder) -> None:
    """Without gradients the output layer is computed differently."""
    state = decoder64.start(random_regions(3))
    rows = torch.tensor([2, 0, 0, 1, 2, 2])
    words = torch.arange(4, 10)
    plain = decoder64.step(words, state.select(rows))
    with torch.inference_mode():
        fast = decoder64.step(words, state.select(rows))
    assert plain.log_probs.requires_grad
    torch.testing.assert_close(fast.log_probs, plain.log_probs)
    torch.testing.assert_close(fast.attention, plain.attention)


def test_preparing_for_inference_keeps_log_probs_and_weights(decoder64: Decoder) -> None:
    state, words = decoder64.start(random_regions(3)), torch.tensor([4, 5, 6])
    log_probs = decoder64.step(words, state).log_probs
    weights = {name: weight.clone() for name, weight in decoder64.state_dict().items()}
    prepared = prepare_for_inference(decoder64)
    torch.testing.assert_close(prepared.step(words, state).log_probs, log_probs)
    assert all(weight.equal(weights[name]) for name, weight in prepared.state_dict().items())


def test_a_decoder_prepared_for_inference_may_be_trained_on(decoder64: Decoder) -> None:
    state, words = decoder64.start(random_regions(3)), torch.tensor([4, 5, 6])
    prepare_for_inference(decoder64).train().eval()
    for weight in decoder64.parameters():
        weight.mul_(1.5)
    log_probs = copy.deepcopy(decoder64).step(words, state).log_probs
    prepared = prepare_for_inference(decoder64)
    torch.testing.assert_close(prepared.step(words, state).log_probs, log_probs)


def test_select_permutes_hypotheses(decoder64: Decoder) -> None:
    state = decoder64.start(random_regions(3))
    words, order = torch.tensor([5, 6, 7]), torch.tensor([2, 0, 1])
    expected = decoder64.step(words, state).log_probs[order]
    permuted = decoder64.step(words[order], state.select(order))
    torch.testing.assert_close(permuted.log_probs, expected)


@pytest.mark.parametrize("config", [SearchConfig(), SearchConfig(search="sample", seed=3)])
def test_a_batch_gives_the_captions_of_single_pictures(
    decoder64: Decoder, config: SearchConfig
) -> None:
    regions = random_regions(5)
    batch = search(decoder64, regions, config)
    for picture, (hypothesis,) in zip(regions, batch, strict=True):
        ((alone,),) = search(decoder64, picture[None], config)
        assert alone.words == hypothesis.words
        # a search keeps float32: every log-probability is rounded by at most 2 ** -24 of it
        assert alone.log_prob == pytest.approx(hypothesis.log_prob, rel=2**-23)
        assert len(alone.attention) == len(alone.words)


def test_an_untrained_top_down_depends_on_the_last_word() -> None:
    """With an output layer of the usual scale this is 0.009, and training starts slowly."""
    torch.manual_seed(0)
    decoder = TopDown(width=1280, vocabulary=500, config=TopDownConfig()).eval()
    state = decoder.start(torch.rand(1, 4, 1280).expand(2, 4, -1))
    first, second = decoder.step(torch.tensor([5, 6]), state).log_probs
    assert 0.02 < (first - second).std() < 0.5


def test_eight_pictures_are_overfitted(decoder: Decoder) -> None:
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
    hypotheses = search(decoder.eval(), regions, SearchConfig())
    assert [best[0].words for best in hypotheses] == captions
