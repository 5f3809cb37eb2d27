"""A client of the service, whose captions are those of a captioner on this machine."""

import json
import time
from collections.abc import Iterator, Sequence
from io import BytesIO
from os import PathLike, fsdecode
from pathlib import Path
from types import TracebackType
from typing import Any, final

import httpx
import numpy as np
from PIL import Image

from tushuo.captioning.caption import WHOLE_PICTURE, Caption
from tushuo.captioning.captioner import require_list
from tushuo.captioning.evidence import Concept, WordEvidence
from tushuo.encoders.spec import FieldOfView
from tushuo.errors import PictureError, ServiceError, SettingError
from tushuo.pictures.pixels import Picture, to_pixels
from tushuo.pictures.reading import Readable, read_file, read_stream

PICTURE_CODES = ("unsupported-format", "too-many-pixels", "invalid-picture")
ROOM = 10_000  # bytes of a body beside its pictures; and as many for each of these
PART = 500


@final
class Client:
    """Captions pictures by a service that `tushuo serve` runs.

    Args:
        url: address of the service, such as ``http://127.0.0.1:8000``.
        api_key: a key of the service, where it requires one.
        timeout: seconds to wait for an answer.
        patience: seconds to try again for, while the service starts or is busy.
    """

    def __init__(
        self, url: str, *, api_key: str | None = None, timeout: float = 30.0, patience: float = 0.0
    ):
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout)
        self._patience = patience
        self._limits: dict[str, Any] | None = None

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def model(self) -> dict[str, Any]:
        """Return what the service says of its model and limits.

        Raises:
            ServiceError: it cannot be reached, or it refuses.
        """
        return dict(self._request("GET", "/v1/model"))

    def caption(self, picture: Picture, **options: Any) -> Caption:
        """Caption one picture, given in any form that a captioner takes.

        Args:
            picture: the picture.
            options: settings of the search, such as ``search="beam"``, and ``attention``,
                ``concepts`` and ``confidence``: True to have them in the caption.

        Raises:
            PictureError: the picture cannot be opened.
            SettingError: an option is invalid.
            ServiceError: the service cannot be reached, or it refuses.
        """
        (result,) = self.caption_batch([picture], **options)
        if isinstance(result, PictureError):
            raise result
        return result

    def caption_batch(
        self, pictures: Sequence[Picture], **options: Any
    ) -> list[Caption | PictureError]:
        """Caption any number of pictures, in as many requests as the service's limits require.

        Returns:
            One caption for each picture, in order, or the error of a picture that cannot be opened.

        Raises:
            SettingError, ServiceError: as for `caption`.
        """
        require_list(pictures)
        results: dict[int, Caption | PictureError] = {}
        contents: dict[int, bytes] = {}
        for index, picture in enumerate(pictures):
            try:
                contents[index] = _content(picture)
            except PictureError as error:
                results[index] = error
        for group in self._groups(contents):
            answers = self._captions([contents[index] for index in group], options)
            results |= zip(group, answers, strict=True)
        return [results[index] for index in range(len(pictures))]

    def _groups(self, contents: dict[int, bytes]) -> Iterator[list[int]]:
        """Yield the pictures of each request: as many as the limits accept."""
        if self._limits is None and len(contents) > 1:
            self._limits = dict(self.model()["limits"])
        limits = self._limits or {"max_pictures": 1, "max_bytes": 0}
        group: list[int] = []
        size = ROOM
        for index, content in contents.items():
            more = len(content) + PART
            is_full = len(group) == limits["max_pictures"] or size + more > limits["max_bytes"]
            if group and is_full:
                yield group
                group, size = [], ROOM
            group.append(index)
            size += more
        if group:
            yield group

    def _captions(
        self, contents: list[bytes], options: dict[str, Any]
    ) -> list[Caption | PictureError]:
        files = [("images", ("picture", content)) for content in contents]
        fields = {name: _field(value) for name, value in options.items() if value is not None}
        try:
            reply = self._request("POST", "/v1/captions", files=files, data=fields)
        except PictureError as error:
            return [error]  # of the only picture
        return [_result(one) for one in reply["captions"]]

    def _request(self, method: str, path: str, **body: Any) -> Any:
        """Return the JSON that the service answers, and try again while it is busy."""
        end = time.monotonic() + self._patience
        while True:
            try:
                response = self._http.request(method, path, **body)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise ServiceError(
                    f"the service at {self._http.base_url} cannot be reached: "
                    f"{error or type(error).__name__}; start it with tushuo serve, or check the "
                    "address"
                ) from error
            wait = float(response.headers.get("retry-after", "1"))
            if response.status_code not in (429, 503) or time.monotonic() + wait > end:
                return _content_of(response)
            time.sleep(wait)


def _content_of(response: httpx.Response) -> Any:
    try:
        content = response.json()
        if response.is_success:
            return content
        code, detail = str(content["code"]), str(content["detail"])
    except (ValueError, KeyError, TypeError):
        raise ServiceError(
            f"{response.url} answered with status {response.status_code}, but not as a tushuo "
            "service; check the address"
        ) from None
    if code in PICTURE_CODES:
        raise PictureError(detail)
    if code == "invalid-option":
        raise SettingError(detail)
    raise ServiceError(f"the service refused the request ({code}): {detail}")


def _content(picture: Picture) -> bytes:
    """Return the content of a picture's file; what has none becomes a PNG."""
    if isinstance(picture, bytes | bytearray | memoryview):
        return bytes(picture)
    if isinstance(picture, str | PathLike):
        return read_file(Path(fsdecode(picture)))
    if isinstance(picture, Readable) and not isinstance(picture, Image.Image):
        return read_stream(picture)
    content = BytesIO()
    Image.fromarray(to_pixels(picture)).save(content, "PNG", compress_level=1)
    return content.getvalue()


def _field(value: Any) -> str | list[str]:
    """Return an option as text of a form."""
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _result(content: dict[str, Any]) -> Caption | PictureError:
    if "problem" not in content:
        return _caption(content)
    detail = str(content["problem"]["detail"])
    if content["problem"]["code"] in PICTURE_CODES:
        return PictureError(detail)
    raise ServiceError(f"the service failed on a picture: {detail}")


def _caption(content: dict[str, Any]) -> Caption:
    """Return the caption that a reply describes."""
    words = content["words"]
    log_probs = [one["log_prob"] for one in words if "log_prob" in one]
    if content["end_log_prob"] is not None:
        log_probs.append(content["end_log_prob"])
    attention = [one["attention"] for one in words if "attention" in one]
    evidence = [_evidence(one["evidence"]) for one in words if "evidence" in one]
    view = content.get("field_of_view")
    return Caption(
        text=content["caption"],
        words=tuple(one["word"] for one in words),
        log_probs=tuple(log_probs),
        attention=np.array(attention, np.float32) if attention else None,
        field_of_view=FieldOfView(crop=view["crop"]) if view else WHOLE_PICTURE,
        alternatives=tuple(_caption(one) for one in content.get("alternatives", ())),
        concepts=tuple(_concept(one) for one in content.get("concepts", ())),
        evidence=tuple(evidence) if evidence else None,
        confidence=content.get("confidence"),
        familiarity=content.get("familiarity"),
    )


def _concept(content: dict[str, Any]) -> Concept:
    box = content["box"]
    return Concept(
        word=content["word"], probability=content["probability"], box=tuple(box) if box else None
    )


def _evidence(content: dict[str, Any]) -> WordEvidence:
    concept = _concept(content | {"word": content["concept"]}) if "concept" in content else None
    return WordEvidence(kind=content["kind"], log_ratio=content.get("log_ratio"), concept=concept)
