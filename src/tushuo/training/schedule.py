"""The learning rate as a function of the position in the training, so a resumed run repeats it.

Cosine: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017,
equation 5, without restarts. Warm-up: Goyal et al., "Accurate, Large Minibatch SGD: Training
ImageNet in 1 Hour", 2017, section 2.2.
"""

import math

from tushuo.training.config import TrainConfig


def learning_rate(config: TrainConfig, epochs_done: float) -> float:
    """Return the learning rate of a step.

    Args:
        config: settings of the training.
        epochs_done: epochs finished after that step, with the fraction of the current one.
    """
    if epochs_done < config.warm_up:
        return config.learning_rate * epochs_done / config.warm_up
    if config.schedule == "constant":
        return config.learning_rate
    share = (epochs_done - config.warm_up) / max(config.epochs - config.warm_up, 1e-9)
    return config.learning_rate * (1 + math.cos(math.pi * min(share, 1.0))) / 2
