"""All GRU steps of a teacher-forced batch, with the way back written by hand."""

from typing import Any

import torch
from torch import Tensor

from tushuo.decoders.attention import Looks


class GRUSteps(torch.autograd.Function):
    """Words and regions in; states, looks and attention maps out.

    It saves what `Looks` saves, and makes the weights' gradients once for all words.
    """

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        gates: Tensor,  # (N, 3H) what the words say to the GRU
        hidden: Tensor,  # (B, H)
        keys: Tensor,  # (B, R, A)
        values: Tensor,  # (B, R, E)
        weight: Tensor,  # (A + 3H, H) of query, hidden state's gates; a row more: the look's gate
        bias: Tensor,  # (A + 3H,), or one more
        context_weight: Tensor,  # (3H, E)
        energy: Tensor,  # (1, A)
        sizes: list[int],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the states (N, H), what was looked at (N, E), and where (N, R)."""
        looks, H, A = Looks(keys, values, energy[0]), hidden.shape[1], keys.shape[2]
        kept, states = [], []
        for gates_now in torch.split(gates, sizes):
            hidden = hidden[: len(gates_now)]
            asked = torch.addmm(bias, hidden, weight.t())
            query, hidden_gates, gate = asked.tensor_split([A, A + 3 * H], dim=1)
            found = looks.look(query)
            opened = gate.sigmoid()  # (b, 1); (b, 0) without a gate
            context = found * opened if opened.numel() else found
            reset, update, new = torch.addmm(gates_now, context, context_weight.t()).chunk(3, dim=1)
            reset_h, update_h, new_h = hidden_gates.chunk(3, dim=1)
            reset = reset.add_(reset_h).sigmoid_()
            update = update.add_(update_h).sigmoid_()
            new = new.addcmul_(reset, new_h).tanh_()
            kept.append((context, hidden, reset, update, new, new_h, found, opened))
            hidden = torch.lerp(new, hidden, update)
            states.append(hidden)
        ctx.save_for_backward(weight, context_weight)
        ctx.looks, ctx.kept = looks, kept  # type: ignore[attr-defined]
        return torch.cat(states), torch.cat([context for context, *_ in kept]), looks.maps()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, grad: Tensor, grad_context: Tensor, grad_map: Tensor
    ) -> tuple[Tensor | None, ...]:
        """Walk the words backwards."""
        weight, context_weight = ctx.saved_tensors
        looks, kept = ctx.looks, ctx.kept
        ctx.looks = ctx.kept = None  # the large arrays go now, not with the loss
        H, A = weight.shape[1], looks.keys.shape[2]
        d_gates = grad.new_empty(len(grad), 3 * H)
        d_query_gates = grad.new_empty(len(grad), len(weight))
        d_hidden = grad.new_zeros(len(looks.values), H)
        sizes = [len(context) for context, *_ in kept]
        all_of = (grad, grad_context, grad_map, d_gates, d_query_gates)
        parts = (torch.split(of, sizes) for of in all_of)
        for now, d_state, d_look, d_map, d_gate, d_query_gate in reversed(
            list(zip(kept, *parts, strict=True))
        ):
            _, hidden, reset, update, new, new_h, found, opened = now
            B = len(d_state)
            d_now = d_hidden[:B].add_(d_state)
            _gru_back(d_now, (hidden, reset, update, new, new_h), d_gate)
            d_look = torch.addmm(d_look, d_gate, context_weight)
            if opened.numel():
                d_opened = (d_look * found).sum(dim=1, keepdim=True)
                d_query_gate[:, A + 3 * H :] = d_opened * (opened - opened * opened)
                d_look = d_look * opened
            d_query_gate[:, :A] = looks.back(d_look, d_map)
            d_query_gate[:, A : A + 3 * H] = d_gate
            d_query_gate[:, A + 2 * H : A + 3 * H].mul_(reset)
            torch.addmm(d_now * update, d_query_gate, weight, out=d_hidden[:B])
        contexts, hiddens = (torch.cat([now[part] for now in kept]) for part in (0, 1))
        d_keys, d_values, d_energy = looks.gradients()
        return (
            d_gates,
            d_hidden,
            d_keys,
            d_values,
            d_query_gates.t() @ hiddens,
            d_query_gates.sum(dim=0),
            d_gates.t() @ contexts,
            d_energy.view(1, -1),
            None,
        )


def _gru_back(d_state: Tensor, kept: tuple[Tensor, ...], d_gates: Tensor) -> None:
    """Fill in the gradients of the gates: h' = new + update (h - new), new = tanh(x + reset n)."""
    hidden, reset, update, new, new_h = kept
    d_reset, d_update, d_new = d_gates.chunk(3, dim=1)
    torch.mul(d_state - d_state * update, 1 - new * new, out=d_new)
    torch.mul(d_state * (hidden - new), update - update * update, out=d_update)
    torch.mul(d_new * new_h, reset - reset * reset, out=d_reset)
