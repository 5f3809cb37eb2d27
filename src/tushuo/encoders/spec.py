"""The interface of encoders."""

from dataclasses import dataclass, replace
from typing import Literal, Protocol, runtime_checkable

from jaxtyping import Float, UInt8
from torch import Tensor

from tushuo.signatures import signature

OWN = "own"  # in place of a head's hash: the run folder itself holds the head


@dataclass(frozen=True, kw_only=True)
class FieldOfView:
    """The part of a picture that an encoder reads, over which its grid of regions lies.

    Attributes:
        crop: side of the centred square that is read, as a share of the picture's short side; None:
            the whole picture is read, whatever its proportions.
    """

    crop: float | None = None

    def box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom, in pixels of a picture of this size."""
        if self.crop is None:
            return 0.0, 0.0, float(width), float(height)
        side = min(width, height) * self.crop
        left, top = (width - side) / 2, (height - side) / 2
        return left, top, left + side, top + side


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """Everything that determines the regions an encoder returns.

    Attributes:
        name: as given to ``--encoder``.
        side: height and width of the input picture, in pixels.
        resize: ``squash`` resizes the whole picture to a square, whatever its proportions;
            ``crop`` resizes the short side and takes the centred square.
        filter: ``bilinear`` interpolates between the four nearest pixels (as TensorFlow does by
            default); ``antialias`` averages over all pixels that a new one covers; ``bicubic``
            does the same with a sharper kernel.
        rows, columns: the grid of regions; region r is in row r // columns.
        width: features per region (D).
        weights: first 16 hex digits of the weights' SHA-256.
        resize_side: ``crop`` only: length of the short side before the square is cropped; None:
            ``side``, which crops nothing off the short side.
        frozen_blocks: number of blocks in the trunk of a split encoder. Where ``head`` is None,
            the regions are the trunk's output, which no decoder reads.
        head: hash of the weights of a fine-tuned head, or ``OWN`` in the run.json of a run whose
            best.safetensors holds them.
    """

    name: str
    side: int
    resize: Literal["squash", "crop"]
    filter: Literal["bilinear", "antialias", "bicubic"]
    rows: int
    columns: int
    width: int
    weights: str
    resize_side: int | None = None
    frozen_blocks: int | None = None
    head: str | None = None

    @property
    def regions(self) -> int:
        """Number of regions (R)."""
        return self.rows * self.columns

    @property
    def short_side(self) -> int:
        """Pixels of a picture's short side after resizing, before the square is cropped."""
        return self.resize_side or self.side

    @property
    def field_of_view(self) -> FieldOfView:
        """The part of a picture that the encoder reads."""
        if self.resize == "squash":
            return FieldOfView()
        return FieldOfView(crop=self.side / self.short_side)

    @property
    def signature(self) -> str:
        """One line that two encoders share exactly if their regions are equal."""
        parts = {"upto": self.frozen_blocks, "upper": self.head}
        return signature(
            encoder=self.name.replace(":", "="),
            side=self.side,
            resize=f"{self.resize}{self.resize_side or ''}",
            filter=self.filter,
            grid=f"{self.rows}x{self.columns}x{self.width}",
            weights=self.weights,
            **{name: value for name, value in parts.items() if value is not None},
        )

    @property
    def is_trunk(self) -> bool:
        """Whether this is only the trunk of a split encoder."""
        return self.frozen_blocks is not None and self.head is None

    @property
    def pretrained(self) -> "EncoderSpec":
        """The same encoder with its original, pretrained weights."""
        return replace(self, frozen_blocks=None, head=None)


@runtime_checkable
class Encoder(Protocol):
    """A frozen network that computes regions from pictures, on a device of its own."""

    @property
    def spec(self) -> EncoderSpec:
        """Everything that determines its regions."""
        ...

    def __call__(self, pictures: UInt8[Tensor, "P 3 side side"]) -> Float[Tensor, "P R D"]:
        """Encode square RGB pictures, 0 to 255, already resized according to the spec.

        Pictures may be on the CPU; the regions are on the encoder's device.
        """
        ...
