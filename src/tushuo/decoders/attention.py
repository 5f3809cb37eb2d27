"""Additive attention over regions, for single steps and for teacher-forced batches.

Bahdanau, Cho, Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate", ICLR
2015, appendix A.1.2: a region's energy is w . tanh(key + query), its weight the softmax of that.
`additive_attention` serves one step of any hypotheses; `TeacherForcedAttention` all steps of a
teacher-forced batch. Both compute the same function.

tanh(k + q) is written as 1 - 2s with s = 1 / (1 + exp(2k) exp(2q)): exp(2k) is computed once per
picture (`exp_2x`), exp(2q) once per row, and the 1 cancels in the softmax. On a CPU this is many
times faster than a tanh for every row, region and unit.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.decoders.precision import at_least_float32

CHUNK_NUMEL = 2**18  # numbers that `additive_attention` holds at once: 1 MB, which fits the cache


def additive_attention(
    query: Float[Tensor, "B A"],
    keys: Float[Tensor, "P R A"],
    values: Float[Tensor, "P R E"],
    pictures: Int[Tensor, " B"],
    energy_weight: Float[Tensor, " A"],
) -> tuple[Float[Tensor, "B E"], Float[Tensor, "B R"]]:
    """Attend from every row to the regions of its picture.

    Adjacent rows of one picture share its keys and values, so a beam needs no copies of them.
    Chunking keeps the intermediate arrays in the cache and their memory independent of the number
    of rows.

    Args:
        query: attention query of each row.
        keys: attention keys per picture, as `exp_2x` returns them.
        values: attention values per picture.
        pictures: picture index of each row, in any order.
        energy_weight: weight of each unit of tanh(key + query).

    Returns:
        The context vectors and the attention weights.
    """
    _, R, A = keys.shape
    distinct, counts = (
        tensor.tolist() for tensor in torch.unique_consecutive(pictures, return_counts=True)
    )
    chunk_rows, one = max(1, CHUNK_NUMEL // (R * A)), keys.new_ones(())
    queries = torch.split(exp_2x(query).unsqueeze(1), counts)
    energies = [
        torch.addcmul(one, keys[picture], chunk).reciprocal_() @ energy_weight  # (rows, R)
        for picture, rows in zip(distinct, queries, strict=True)
        for chunk in torch.split(rows, chunk_rows)
    ]
    attention = torch.cat(energies).mul_(-2).softmax(dim=1)
    weights = zip(distinct, torch.split(attention, counts), strict=True)
    return torch.cat([rows @ values[picture] for picture, rows in weights]), attention


class TeacherForcedAttention:
    """All attention steps of a teacher-forced batch, with a hand-written backward pass.

    For use inside an autograd function: call `attend` once per step, `backward` once per step in
    reverse order, then `gradients`. The number of rows may only shrink from step to step.

    Compared with autograd through `additive_attention`, gradients of keys and values are
    accumulated in place rather than summed over steps, and the large (rows, regions, units) arrays
    are traversed as few times as the formulas allow. Keys are as `exp_2x` returns them.
    """

    def __init__(
        self,
        keys: Float[Tensor, "B R A"],
        values: Float[Tensor, "B R E"],
        energy_weight: Float[Tensor, " A"],
    ):
        self.keys, self.values, self.energy_weight = keys, values, energy_weight
        self._saved: list[tuple[Tensor, Tensor]] = []  # s and attention of each step
        self._reversed: list[tuple[Tensor, Tensor]] = []  # attention, gradient of the context

    def attend(self, query: Float[Tensor, "b A"]) -> Float[Tensor, "b E"]:
        """Return the context vectors of the first b rows."""
        b, A = query.shape
        s = torch.mul(self.keys[:b], exp_2x(query).unsqueeze(1)).add_(1).reciprocal_()
        energies = torch.mv(s.view(-1, A), self.energy_weight).view(b, -1)
        attention = energies.mul_(-2).softmax(dim=1)
        self._saved.append((s, attention))
        return torch.bmm(attention.unsqueeze(1), self.values[:b]).squeeze(1)

    def attention_maps(self) -> Float[Tensor, "N R"]:
        """Return the attention weights of all steps so far, packed."""
        return torch.cat([attention for _, attention in self._saved])

    def backward(
        self, d_context: Float[Tensor, "b E"], d_map: Float[Tensor, "b R"] | None = None
    ) -> Float[Tensor, "b A"]:
        """Return the gradient of the query of the last step not yet differentiated.

        Args:
            d_context: gradient of the step's context vectors.
            d_map: gradient of its attention weights, if the loss depends on them.
        """
        if not self._reversed:
            self._d_keys = torch.zeros_like(self.keys)
            self._d_energy = torch.zeros_like(self.energy_weight)
        s, attention = self._saved.pop()
        b, A = len(s), len(self.energy_weight)
        # the softmax is of -2 s w; the derivative of s by k and by q is -2 s (1 - s)
        d_attention = torch.bmm(self.values[:b], d_context.unsqueeze(2)).squeeze(2)
        if d_map is not None:
            d_attention += d_map
        d_attention -= (attention * d_attention).sum(dim=1, keepdim=True)
        d_logit = d_attention.mul_(attention)  # (b, R)
        self._d_energy.addmv_(s.view(-1, A).t(), d_logit.view(-1), alpha=-2)
        slope = torch.addcmul(s, s, s, value=-1)  # the factor 4 w is applied later
        d_query = torch.bmm(d_logit.unsqueeze(1), slope).squeeze(1)
        self._d_keys[:b].addcmul_(slope, d_logit.unsqueeze(2))
        self._reversed.append((attention, d_context))
        return d_query.mul_(4 * self.energy_weight)

    def gradients(
        self,
    ) -> tuple[Float[Tensor, "B R A"], Float[Tensor, "B R E"], Float[Tensor, " A"]]:
        """Return the gradients of keys, values and energy weights, after the last `backward`."""
        B, R, E = self.values.shape
        T = len(self._reversed)
        attention = self.values.new_zeros(B, T, R)
        d_context = self.values.new_zeros(B, T, E)
        for t, (step_attention, step_d_context) in enumerate(self._reversed):
            b = len(step_attention)
            attention[:b, t], d_context[:b, t] = step_attention, step_d_context
        d_values = torch.bmm(attention.transpose(1, 2), d_context)
        # by k it is 4 w times the sum; by exp(2k), which was passed in, that over 2 exp(2k)
        d_keys = self._d_keys.mul_(2 * self.energy_weight).div_(self.keys)
        return d_keys, d_values, self._d_energy


def exp_2x(x: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Return exp(2x), with x clamped to 40 so that a product of two results is never NaN.

    Beyond that tanh(x) is 1 in any case.
    """
    return at_least_float32(x).clamp(-40, 40).mul_(2).exp_()
