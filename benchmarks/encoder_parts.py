"""Where to part an encoder whose upper blocks are to learn: time a picture, share of the weights.

    OMP_NUM_THREADS=1 python benchmarks/encoder_parts.py [--encoder efficientnet_lite2]

Processor time of one thread, best of several; ``upper`` is its way there and back, as a training
step takes it, and all ratios are to one look of the whole encoder.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tushuo import encoders
from tushuo.encoders.split_encoder import split_encoder
from tushuo.features.extract import store_bytes

PICTURES, ROUNDS = 8, 5


def best(work: Callable[[], object]) -> float:
    """Return milliseconds a picture."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times) / PICTURES * 1000


def there_and_back(head: nn.Module, grid: Float[Tensor, "P R C"]) -> None:
    """Make the gradients of the upper part."""
    head(grid).sum().backward()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default=encoders.DEFAULT_ENCODER)
    parser.add_argument("--upto", type=int, nargs="+", default=[11, 15, 16, 18, 20, 21])
    options = parser.parse_args()
    encoder = encoders.load(options.encoder)
    pictures = torch.randint(0, 256, (PICTURES, 3, encoder.spec.side, encoder.spec.side)).byte()
    everything = split_encoder(encoder, 0)
    weights = sum(weight.numel() for weight in everything.head.parameters())
    print("blocks below  weights above  KB a picture  lower ms  upper ms  whole ms  upper/whole")
    for frozen_blocks in options.frozen_blocks:
        halves = split_encoder(encoder, frozen_blocks)
        grid = halves.trunk(pictures).clone()
        whole = best(partial(encoder, pictures))
        trunk = best(partial(halves.trunk, pictures))
        head = best(partial(there_and_back, halves.head, grid))
        share = sum(weight.numel() for weight in halves.head.parameters()) / weights
        size = store_bytes(1, halves.trunk.spec) / 1e3
        print(
            f"{frozen_blocks:12} {share:14.0%} {size:13.1f} {trunk:9.1f} {head:9.1f} {whole:9.1f} "
            f"{head / whole:12.2f}"
        )
    print(f"a store of the whole encoder: {store_bytes(1, encoder.spec) / 1e3:.1f} KB a picture")


if __name__ == "__main__":
    main()
