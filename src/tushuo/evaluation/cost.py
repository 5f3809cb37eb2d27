"""What a captioner costs: its parameters, and its time for each picture."""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from tushuo.captioning.captioner import Captioner

OWN = "tushuo."


def count_parameters(captioner: Captioner) -> int:
    """Count the parameters of all networks that a captioner holds, shared ones once."""
    seen: set[int] = set()
    parameters = {
        id(parameter): parameter.numel()
        for network in _networks(captioner, seen)
        for parameter in network.parameters()
    }
    return sum(parameters.values())


def _networks(part: Any, seen: set[int]) -> Iterator[nn.Module]:
    """Yield the networks in the attributes of our own objects and in what they contain."""
    if id(part) in seen:
        return
    seen.add(id(part))
    if isinstance(part, nn.Module):
        yield part
        return
    values: list[Any] = []
    if isinstance(part, Mapping):
        values = list(part.values())
    elif isinstance(part, list | tuple):
        values = list(part)
    elif type(part).__module__.startswith(OWN):
        names = getattr(type(part), "__slots__", ()) or getattr(part, "__dict__", {})
        values = [getattr(part, name, None) for name in names]
    for value in values:
        yield from _networks(value, seen)
