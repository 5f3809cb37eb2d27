"""Additive attention over regions, on two roads that give the same.

Bahdanau, Cho, Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate", ICLR
2015, appendix A.1.2: a region's energy is w . tanh(key + query), its share the softmax of that.
`look` is for one word of any hypotheses; `Looks` for all words of a teacher-forced batch.

tanh(k + q) is taken as 1 - 2s, s = 1 / (1 + exp(2k) exp(2q)): the first exponential is taken once a
picture (`exp_twice`), the other once a row, and the 1 falls out of the softmax. On a processor
that is many times faster than a tanh for each row, region and number.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.decoders.precision import at_least_float32

NUMBERS_AT_ONCE = 2**18  # of keys that `look` holds at once: a megabyte stays in the cache


def look(
    query: Float[Tensor, "B A"],
    keys: Float[Tensor, "P R A"],
    values: Float[Tensor, "P R E"],
    pictures: Int[Tensor, " B"],
    energy: Float[Tensor, " A"],
) -> tuple[Float[Tensor, "B E"], Float[Tensor, "B R"]]:
    """Let every row look at its picture.

    Rows of one picture that stand side by side read its regions where they lie: a beam holds no
    copy of them. Memory does not grow with the rows, and what is held at once stays in the cache.

    Args:
        query: what each row looks for.
        keys: what is to be found, per picture, as `exp_twice` gives it.
        values: what is given, per picture.
        pictures: the picture of each row, in any order.
        energy: the weight of each number of tanh(key + query).

    Returns:
        The regions' mean weighted by the attention; the attention.
    """
    _, R, A = keys.shape
    seen, rows = (of.tolist() for of in torch.unique_consecutive(pictures, return_counts=True))
    at_once, one = max(1, NUMBERS_AT_ONCE // (R * A)), keys.new_ones(())
    energies = [
        torch.addcmul(one, keys[picture], few).reciprocal_() @ energy  # (rows, R)
        for picture, some in zip(
            seen, torch.split(exp_twice(query).unsqueeze(1), rows), strict=True
        )
        for few in torch.split(some, at_once)
    ]
    maps = torch.cat(energies).mul_(-2).softmax(dim=1)
    shares = zip(seen, torch.split(maps, rows), strict=True)
    return torch.cat([of @ values[picture] for picture, of in shares]), maps


class Looks:
    """All looks of a teacher-forced batch, with their way back written by hand.

    To be used inside of an autograd function: `look` once a word, `back` once a word in the
    opposite order, then `gradients`. Rows may only fall off at the end.

    What it saves beside `look` with autograd: gradients of keys and values are made in place and
    not summed up word by word; and the large (rows, regions, width) arrays are passed over as few
    times as the formulas allow. The keys are as `exp_twice` gives them.
    """

    def __init__(
        self,
        keys: Float[Tensor, "B R A"],
        values: Float[Tensor, "B R E"],
        energy: Float[Tensor, " A"],
    ):
        self.keys, self.values, self.energy = keys, values, energy
        self.kept: list[tuple[Tensor, Tensor]] = []
        self.gone_back: list[tuple[Tensor, Tensor]] = []

    def look(self, query: Float[Tensor, "b A"]) -> Float[Tensor, "b E"]:
        """Return what the first rows find."""
        b, A = query.shape
        s = torch.mul(self.keys[:b], exp_twice(query).unsqueeze(1)).add_(1).reciprocal_()
        attention = torch.mv(s.view(-1, A), self.energy).view(b, -1).mul_(-2).softmax(dim=1)
        self.kept.append((s, attention))
        return torch.bmm(attention.unsqueeze(1), self.values[:b]).squeeze(1)

    def maps(self) -> Float[Tensor, "N R"]:
        """Return where all looks so far went."""
        return torch.cat([attention for _, attention in self.kept])

    def back(
        self, d_context: Float[Tensor, "b E"], d_map: Float[Tensor, "b R"] | None = None
    ) -> Float[Tensor, "b A"]:
        """Return the gradient of the last look that has not been gone back over.

        Args:
            d_context: the gradient of what was found.
            d_map: that of where it was found, if something asks for it.
        """
        if not self.gone_back:
            self.d_keys = torch.zeros_like(self.keys)
            self.d_energy = torch.zeros_like(self.energy)
        s, attention = self.kept.pop()
        b, A = len(s), len(self.energy)
        # The softmax of -2 s w; the slope of s by k and by q is -2 s (1 - s).
        d_attention = torch.bmm(self.values[:b], d_context.unsqueeze(2)).squeeze(2)
        if d_map is not None:
            d_attention += d_map
        d_attention -= (attention * d_attention).sum(dim=1, keepdim=True)
        d_logit = d_attention.mul_(attention)  # (b, R)
        self.d_energy.addmv_(s.view(-1, A).t(), d_logit.view(-1), alpha=-2)
        slope = torch.addcmul(s, s, s, value=-1)  # times 4 w, which waits
        d_query = torch.bmm(d_logit.unsqueeze(1), slope).squeeze(1)
        self.d_keys[:b].addcmul_(slope, d_logit.unsqueeze(2))
        self.gone_back.append((attention, d_context))
        return d_query.mul_(4 * self.energy)

    def gradients(
        self,
    ) -> tuple[Float[Tensor, "B R A"], Float[Tensor, "B R E"], Float[Tensor, " A"]]:
        """Return the gradients of keys, values and energy, once all looks are gone back over."""
        B, R, E = self.values.shape
        T = len(self.gone_back)
        attention = self.values.new_zeros(B, T, R)
        d_context = self.values.new_zeros(B, T, E)
        for t, (shares, gradient) in enumerate(self.gone_back):
            attention[: len(shares), t], d_context[: len(shares), t] = shares, gradient
        d_values = torch.bmm(attention.transpose(1, 2), d_context)
        # By k it is 4 w times what was summed up; by exp(2k), that divided by 2 exp(2k).
        d_keys = self.d_keys.mul_(2 * self.energy).div_(self.keys)
        return d_keys, d_values, self.d_energy


def exp_twice(numbers: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Return exp(2x); beyond 40 tanh has long been 1, and two such factors must not become NaN."""
    return at_least_float32(numbers).clamp(-40, 40).mul_(2).exp_()
