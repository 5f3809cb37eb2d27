"""Caption decoders, one a file. To add one: its file, a line here, a line in the docs."""

from tushuo.decoders.base import Decoder
from tushuo.decoders.show_attend_gru import ShowAttendGRU, ShowAttendGRUConfig
from tushuo.decoders.top_down import TopDown, TopDownConfig
from tushuo.decoders.transformer import Transformer, TransformerConfig

DECODERS: dict[str, tuple[type[Decoder], type]] = {
    "show_attend_gru": (ShowAttendGRU, ShowAttendGRUConfig),
    "top_down": (TopDown, TopDownConfig),
    "transformer": (Transformer, TransformerConfig),
}
