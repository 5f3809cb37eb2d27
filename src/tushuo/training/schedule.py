"""The learning rate, a function of how far the training has come; a resumed one finds it again.

Cosine: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017,
equation 5, with no restart. Warm-up: Goyal et al., "Accurate, Large Minibatch SGD: Training
ImageNet in 1 Hour", 2017, section 2.2.
"""

import math

from tushuo.training.config import TrainConfig


def learning_rate(config: TrainConfig, epochs_done: float) -> float:
    """Return the rate of the step that ends at a point of the training.

    Args:
        config: settings of the training.
        epochs_done: epochs finished with that step, whole ones and the part of the present one.
    """
    if epochs_done < config.warm_up:
        return config.learning_rate * epochs_done / config.warm_up
    if config.schedule == "constant":
        return config.learning_rate
    share = (epochs_done - config.warm_up) / max(config.epochs - config.warm_up, 1e-9)
    return config.learning_rate * (1 + math.cos(math.pi * min(share, 1.0))) / 2
