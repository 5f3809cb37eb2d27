"""How familiar a picture looks: whether it is like those that a run was checked on.

A captioner speaks of any picture in the words of those that it learned from, and its confidence
was fitted on such pictures: of a page of text, or of an animal that it never saw, it means nothing.
So strange pictures are told apart before any word is said.

A picture's glance is the mean of its regions, of length 1. What a glance has outside the main
directions of other pictures' glances is its strangeness (the residual of Wang et al., "ViM:
Out-Of-Distribution with Virtual-logit Matching", CVPR 2022; theirs is of the features before a
classifier, not of length 1, and added to its logits). Familiarity is the share of further pictures
that are at least as strange (the p-value of conformal prediction, Vovk et al., "Algorithmic
Learning in a Random World", 2005, chapter 2): whatever the encoder, one picture in a hundred of the
same kind has 0.01 or less. No strange picture is needed to fit it.

RUN/familiar.safetensors holds it; `calibrate` makes it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Float16
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor

from tushuo.errors import RunError
from tushuo.runtime import write_bytes

FILE = "familiar.safetensors"
DIRECTIONS = 32  # at most


def pooled_features(regions: Float[Tensor, "P R D"]) -> Float[np.ndarray, "P D"]:
    """Return each picture's mean region, of length 1."""
    mean = regions.mean(dim=1).double().cpu().numpy()
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    return mean / length.clip(1e-12)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Familiarity:
    """What pictures look like that an encoder's run knows.

    Attributes:
        signature: the encoder, whose regions these are of.
        centre: the mean glance.
        directions: in which the glances differ most, each of length 1.
        known: strangeness of pictures that the directions are not of, ascending.
    """

    signature: str
    centre: Float16[np.ndarray, " D"]
    directions: Float16[np.ndarray, "K D"]
    known: Float[np.ndarray, " N"]

    @classmethod
    def fit(
        cls, glances: Float[np.ndarray, "P D"], fitted: Bool[np.ndarray, " P"], *, signature: str
    ) -> "Familiarity":
        """Take the directions of some pictures, and the strangeness of the others.

        Args:
            glances: of all of them.
            fitted: whose directions are taken.
            signature: the encoder's.
        """
        centre, width = glances[fitted].mean(axis=0), glances.shape[1]
        most = min(DIRECTIONS, fitted.sum() // 4, width // 4)  # the rest has room for strangers
        directions = np.linalg.svd(glances[fitted] - centre, full_matrices=False)[2]
        begun = cls(
            signature=signature,
            centre=centre.astype(np.float16),
            directions=directions[:most].astype(np.float16),
            known=np.zeros(0),
        )
        known = np.sort(begun.ood_scores(glances[~fitted]))
        return cls(
            signature=signature, centre=begun.centre, directions=begun.directions, known=known
        )

    def ood_scores(self, glances: Float[np.ndarray, "P D"]) -> Float[np.ndarray, " P"]:
        """Return the length of what glances have outside the directions."""
        off = glances - self.centre
        directions = self.directions.astype(np.float64)
        return np.linalg.norm(off - off @ directions.T @ directions, axis=1)

    def of(self, regions: Float[Tensor, "P R D"]) -> list[float]:
        """Return the share of the known pictures that are at least as strange, each counted in."""
        strange = self.ood_scores(pooled_features(regions))
        as_strange = len(self.known) - np.searchsorted(self.known, strange)
        return ((1 + as_strange) / (1 + len(self.known))).tolist()


def keep(folder: Path, familiarity: Familiarity) -> None:
    """Write what a run knows; what it knew goes."""
    arrays = {name: getattr(familiarity, name) for name in ("centre", "directions", "known")}
    told = {"signature": familiarity.signature}
    write_bytes(folder / FILE, save(arrays, metadata=told))


def read(folder: Path) -> Familiarity | None:
    """Read what a run knows; None where it was never calibrated.

    Raises:
        RunError: it is there but cannot be read, or is of no use.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in ("centre", "directions", "known")}
            encoder = file.metadata()["signature"]
    except (SafetensorError, KeyError, TypeError) as error:
        raise RunError(f"{path} cannot be read: {error}; calibrate again") from error
    if arrays["directions"].shape[1:] != arrays["centre"].shape or arrays["known"].ndim != 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise RunError(f"{path} holds arrays that do not fit together: {shapes}; calibrate again")
    return Familiarity(signature=encoder, **arrays)
