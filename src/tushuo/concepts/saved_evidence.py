"""Evidence for the training pictures of a concept model, which is saved beside the model."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Bool, Float

from tushuo.errors import SettingError, WeightsError
from tushuo.runtime import write_bytes

FILE = "evidence.npz"


@dataclass(frozen=True, kw_only=True)
class SavedEvidence:
    """Evidence of detectors that did not see the picture.

    Attributes:
        image_ids: the training pictures, as text.
        evidence: log-likelihood ratios of each word.
        present: which words the captions of each picture have.
    """

    image_ids: Sequence[str]
    evidence: Float[np.ndarray, "N C"]
    present: Bool[np.ndarray, "N C"]

    def save(self, folder: Path) -> None:
        """Write the file into the folder of the model."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            image_ids=np.array(self.image_ids, dtype=np.str_),
            evidence=self.evidence.astype(np.float16),
            present=self.present,
        )
        write_bytes(folder / FILE, buffer.getvalue())

    @classmethod
    def load(cls, folder: Path) -> "SavedEvidence":
        """Read the file of a model.

        Raises:
            WeightsError: it is missing or damaged.
        """
        path = folder / FILE
        try:
            with np.load(path, allow_pickle=False) as saved:
                return cls(
                    image_ids=saved["image_ids"].tolist(),
                    evidence=saved["evidence"].astype(np.float32),
                    present=saved["present"],
                )
        except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
            raise WeightsError(
                f"{path} cannot be read: {error}; make it again with: tushuo fit-tags"
            ) from error

    def of(self, image_ids: Sequence[int | str]) -> Float[np.ndarray, "P C"]:
        """Return the evidence of these training pictures, in their order.

        Raises:
            SettingError: the model was fitted on other pictures.
        """
        rows = {image_id: row for row, image_id in enumerate(self.image_ids)}
        missing = [image_id for image_id in image_ids if str(image_id) not in rows]
        if missing:
            raise SettingError(
                f"the concepts were not fitted on {len(missing)} of the {len(image_ids)} training "
                f"pictures, such as {missing[0]}; fit them on this data: tushuo fit-tags"
            )
        return self.evidence[[rows[str(image_id)] for image_id in image_ids]]
