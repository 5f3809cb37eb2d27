"""All GRU and attention steps of a teacher-forced batch, with a hand-written backward pass."""

from typing import Any

import torch
from torch import Tensor

from tushuo.decoders.attention import TeacherForcedAttention


class GRUSteps(torch.autograd.Function):
    """Runs a GRU with additive attention over packed captions.

    Saves what `TeacherForcedAttention` saves; weight gradients are computed once for all steps.
    """

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        gates: Tensor,  # (N, 3H) the words' contribution to the GRU gates
        hidden: Tensor,  # (B, H)
        keys: Tensor,  # (B, R, A)
        values: Tensor,  # (B, R, E)
        weight: Tensor,  # (A + 3H, H): query and hidden gates; one more row: the context gate
        bias: Tensor,  # (A + 3H,), or one more
        context_weight: Tensor,  # (3H, E)
        energy_weight: Tensor,  # (1, A)
        sizes: list[int],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the hidden states (N, H), context vectors (N, E) and attention maps (N, R)."""
        attention = TeacherForcedAttention(keys, values, energy_weight[0])
        H, A = hidden.shape[1], keys.shape[2]
        saved, states = [], []
        for step_gates in torch.split(gates, sizes):
            hidden = hidden[: len(step_gates)]
            projected = torch.addmm(bias, hidden, weight.t())
            query, hidden_gates, gate_logit = projected.tensor_split([A, A + 3 * H], dim=1)
            ungated = attention.attend(query)
            gate = gate_logit.sigmoid()  # (b, 1); (b, 0) without a gate
            context = ungated * gate if gate.numel() else ungated
            input_gates = torch.addmm(step_gates, context, context_weight.t())
            reset, update, new = input_gates.chunk(3, dim=1)
            reset_h, update_h, new_h = hidden_gates.chunk(3, dim=1)
            reset = reset.add_(reset_h).sigmoid_()
            update = update.add_(update_h).sigmoid_()
            new = new.addcmul_(reset, new_h).tanh_()
            saved.append((context, hidden, reset, update, new, new_h, ungated, gate))
            hidden = torch.lerp(new, hidden, update)
            states.append(hidden)
        ctx.save_for_backward(weight, context_weight)
        ctx.attention, ctx.saved = attention, saved  # type: ignore[attr-defined]
        contexts = torch.cat([context for context, *_ in saved])
        return torch.cat(states), contexts, attention.attention_maps()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, grad: Tensor, grad_context: Tensor, grad_map: Tensor
    ) -> tuple[Tensor | None, ...]:
        """Run backpropagation through time."""
        weight, context_weight = ctx.saved_tensors
        attention, saved = ctx.attention, ctx.saved
        ctx.attention = ctx.saved = None  # free the large arrays now, not with the loss
        H, A = weight.shape[1], attention.keys.shape[2]
        d_gates = grad.new_empty(len(grad), 3 * H)
        d_projected = grad.new_empty(len(grad), len(weight))
        d_hidden = grad.new_zeros(len(attention.values), H)
        sizes = [len(context) for context, *_ in saved]
        packed = (grad, grad_context, grad_map, d_gates, d_projected)
        by_step = (torch.split(tensor, sizes) for tensor in packed)
        for step, d_state, d_context, d_map, d_step_gates, d_step_projected in reversed(
            list(zip(saved, *by_step, strict=True))
        ):
            _, hidden, reset, update, new, new_h, ungated, gate = step
            b = len(d_state)
            d_next = d_hidden[:b].add_(d_state)
            _gru_backward(d_next, (hidden, reset, update, new, new_h), d_step_gates)
            d_context = torch.addmm(d_context, d_step_gates, context_weight)
            if gate.numel():
                d_gate = (d_context * ungated).sum(dim=1, keepdim=True)
                d_step_projected[:, A + 3 * H :] = d_gate * (gate - gate * gate)
                d_context = d_context * gate
            d_step_projected[:, :A] = attention.backward(d_context, d_map)
            d_step_projected[:, A : A + 3 * H] = d_step_gates
            d_step_projected[:, A + 2 * H : A + 3 * H].mul_(reset)
            torch.addmm(d_next * update, d_step_projected, weight, out=d_hidden[:b])
        contexts, hiddens = (torch.cat([step[part] for step in saved]) for part in (0, 1))
        d_keys, d_values, d_energy = attention.gradients()
        return (
            d_gates,
            d_hidden,
            d_keys,
            d_values,
            d_projected.t() @ hiddens,
            d_projected.sum(dim=0),
            d_gates.t() @ contexts,
            d_energy.view(1, -1),
            None,
        )


def _gru_backward(d_state: Tensor, saved: tuple[Tensor, ...], d_gates: Tensor) -> None:
    """Write the gradients of the gates of h' = new + update (h - new), new = tanh(x + reset n)."""
    hidden, reset, update, new, new_h = saved
    d_reset, d_update, d_new = d_gates.chunk(3, dim=1)
    torch.mul(d_state - d_state * update, 1 - new * new, out=d_new)
    torch.mul(d_state * (hidden - new), update - update * update, out=d_update)
    torch.mul(d_new * new_h, reset - reset * reset, out=d_reset)
