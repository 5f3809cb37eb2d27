"""How familiar a picture is: whether it resembles the pictures that a run was calibrated on.

A captioner describes any picture with the words of its training captions, and its confidence was
fitted on pictures like these. For a page of text, or an animal that it never saw, that confidence
means nothing, so out-of-distribution pictures are detected before decoding.

The features of a picture are its mean region, scaled to length 1. Their out-of-distribution score
is the norm of what lies outside the principal directions of other pictures' features (the residual
of Wang et al., "ViM: Out-Of-Distribution with Virtual-logit Matching", CVPR 2022; theirs uses
features before a classifier, not scaled to length 1, and is added to its logits). Familiarity is
the share of further pictures that score at least as high (a conformal p-value: Vovk et al.,
"Algorithmic Learning in a Random World", 2005, chapter 2), so whatever the encoder, one in a
hundred pictures of the same kind gets 0.01 or less. No out-of-distribution picture is needed to fit
it.

RUN/familiarity.safetensors holds it; `evaluation.calibrate` makes it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16
from safetensors import SafetensorError
from torch import Tensor

from tushuo.errors import RunError
from tushuo.runtime import sha256
from tushuo.tensor_files import load_tensors, save_tensors

FILE, OLD_FILE = "familiarity.safetensors", "familiar.safetensors"
ARRAYS = ("centre", "directions", "known")
MAX_DIRECTIONS = 32


def pooled_features(regions: Float[Tensor, "P R D"]) -> Float[np.ndarray, "P D"]:
    """Return each picture's mean region, scaled to length 1."""
    means = regions.mean(dim=1).double().cpu().numpy()
    norms = np.linalg.norm(means, axis=1, keepdims=True)
    return means / norms.clip(1e-12)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Familiarity:
    """What the pictures that a run was calibrated on have in common.

    Attributes:
        signature: the encoder that the features come from.
        centre: mean of the features.
        directions: principal directions of the features, each of length 1.
        known: out-of-distribution scores of pictures that the directions were not fitted on,
            ascending.
    """

    signature: str
    centre: Float16[np.ndarray, " D"]
    directions: Float16[np.ndarray, "K D"]
    known: Float[np.ndarray, " N"]

    @classmethod
    def fit(
        cls, features: Float[np.ndarray, "P D"], fitted: Bool[np.ndarray, " P"], *, signature: str
    ) -> "Familiarity":
        """Fit the directions on some pictures, and score the others.

        Args:
            features: pooled features of all of them.
            fitted: which pictures the directions are fitted on.
            signature: the encoder's.
        """
        centre, width = features[fitted].mean(axis=0), features.shape[1]
        # directions are kept few enough to leave a residual that can be large
        count = min(MAX_DIRECTIONS, fitted.sum() // 4, width // 4)
        directions = np.linalg.svd(features[fitted] - centre, full_matrices=False)[2]
        unscored = cls(
            signature=signature,
            centre=centre.astype(np.float16),
            directions=directions[:count].astype(np.float16),
            known=np.zeros(0),
        )
        known = np.sort(unscored.ood_scores(features[~fitted]))
        return cls(
            signature=signature, centre=unscored.centre, directions=unscored.directions, known=known
        )

    @property
    def digest(self) -> str:
        """First 16 hex digits of the SHA-256 of its arrays."""
        arrays = (self.centre, self.directions, self.known)
        return sha256(b"".join(np.ascontiguousarray(one).tobytes() for one in arrays))[:16]

    def ood_scores(self, features: Float[np.ndarray, "P D"]) -> Float[np.ndarray, " P"]:
        """Return the norm of each picture's features outside the directions."""
        centred = features - self.centre
        directions = self.directions.astype(np.float64)
        return np.linalg.norm(centred - centred @ directions.T @ directions, axis=1)

    def p_values(self, features: Float[np.ndarray, "P D"]) -> list[float]:
        """Return each picture's conformal p-value, its familiarity.

        That is the share of pictures that score at least as high, among the calibration pictures in
        ``known`` and the picture itself.
        """
        scores = self.ood_scores(features)
        at_least = len(self.known) - np.searchsorted(self.known, scores)
        return ((1 + at_least) / (1 + len(self.known))).tolist()


def save_familiarity(folder: Path, familiarity: Familiarity) -> None:
    """Save the fitted familiarity in a run folder; it replaces an earlier one."""
    arrays = {name: torch.from_numpy(getattr(familiarity, name)) for name in ARRAYS}
    save_tensors(folder / FILE, arrays, {"signature": familiarity.signature})
    (folder / OLD_FILE).unlink(missing_ok=True)


def read_familiarity(folder: Path) -> Familiarity | None:
    """Read the fitted familiarity of a run folder; None where the run was never calibrated.

    Raises:
        RunError: the file cannot be read, or its arrays do not fit together.
    """
    path = next((p for p in (folder / FILE, folder / OLD_FILE) if p.is_file()), None)
    if path is None:
        return None
    try:
        stored, metadata = load_tensors(path)
        arrays = {name: stored[name].numpy() for name in ARRAYS}
        signature = metadata["signature"]
    except (SafetensorError, KeyError) as error:
        raise RunError(f"{path} cannot be read: {error}; calibrate again") from error
    if arrays["directions"].shape[1:] != arrays["centre"].shape or arrays["known"].ndim != 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise RunError(f"{path} has arrays whose shapes do not fit: {shapes}; calibrate again")
    return Familiarity(signature=signature, **arrays)
