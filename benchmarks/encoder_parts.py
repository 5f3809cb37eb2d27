"""Where to split an encoder for fine-tuning: time per picture and share of the weights.

    OMP_NUM_THREADS=1 python benchmarks/encoder_parts.py [--encoder efficientnet_lite2]

Processor time of one thread, the best of several rounds. The head runs forward and backward, as in
a training step; ratios are to one forward pass of the whole encoder.
"""

import argparse
import time
from functools import partial

import torch
from jaxtyping import Float
from timing import measure
from torch import Tensor, nn

from tushuo import encoders
from tushuo.encoders.split_encoder import split_encoder
from tushuo.features.extract import store_bytes

PICTURES, ROUNDS = 8, 5


def forward_backward(head: nn.Module, grid: Float[Tensor, "P R C"]) -> None:
    """Compute the gradients of the head."""
    head(grid).sum().backward()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default=encoders.DEFAULT_ENCODER)
    parser.add_argument("--frozen-blocks", type=int, nargs="+", default=[11, 15, 16, 18, 20, 21])
    args = parser.parse_args()
    encoder = encoders.load(args.encoder)
    pictures = torch.randint(0, 256, (PICTURES, 3, encoder.spec.side, encoder.spec.side)).byte()
    weights = sum(weight.numel() for weight in split_encoder(encoder, 0).head.parameters())
    print("frozen blocks  head weights  KB a picture  trunk ms  head ms  whole ms  head/whole")
    for frozen_blocks in args.frozen_blocks:
        parts = split_encoder(encoder, frozen_blocks)
        grid = parts.trunk(pictures).clone()
        jobs = {
            "trunk": partial(parts.trunk, pictures),
            "head": partial(forward_backward, parts.head, grid),
            "whole": partial(encoder, pictures),
        }
        times = measure(jobs, rounds=ROUNDS, clock=time.process_time)
        trunk, head, whole = (min(seconds) / PICTURES * 1000 for seconds in times.values())
        share = sum(weight.numel() for weight in parts.head.parameters()) / weights
        size = store_bytes(1, parts.trunk.spec) / 1e3
        print(
            f"{frozen_blocks:13} {share:13.0%} {size:13.1f} {trunk:9.1f} {head:8.1f} {whole:9.1f} "
            f"{head / whole:11.2f}"
        )
    print(f"a store of the whole encoder: {store_bytes(1, encoder.spec) / 1e3:.1f} KB a picture")


if __name__ == "__main__":
    main()
