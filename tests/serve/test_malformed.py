"""Malformed uploads: none is an error of the service."""

import random

from tests.serve.conftest import Running, in_base64, numbered
from tests.serve.test_service import CAPTIONS, caption_of

UPLOADS = 250  # a thousand take a minute, with types checked
FORM = "multipart/form-data; boundary=xyz"
PART = b'--xyz\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n%s\r\n'


def seeds() -> list[tuple[str, bytes]]:
    pictures = [numbered(5, kind=kind) for kind in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP")]
    option = b'--xyz\r\nContent-Disposition: form-data; name="search"\r\n\r\nbeam\r\n'
    forms = [PART % one + option + b"--xyz--\r\n" for one in pictures]
    texts = [f'{{"image": "{in_base64(one)}", "n_best": 1}}'.encode() for one in pictures]
    return [
        *(("image/png", one) for one in pictures),
        *((FORM, one) for one in forms),
        *(("application/json", one) for one in texts),
    ]


def damaged(body: bytes, generator: random.Random) -> bytes:
    """Change, remove, repeat or insert some bytes."""
    content = bytearray(body)
    for _ in range(generator.choice((1, 1, 2, 5, 20))):
        place = generator.randrange(len(content) + 1)
        length = generator.choice((1, 1, 2, 4, 16, 64))
        match generator.randrange(4):
            case 0:
                content[place : place + length] = generator.randbytes(length)
            case 1:
                del content[place : place + length]
            case 2:
                content[place:place] = content[place : place + length]
            case 3:
                content[place:place] = generator.choice(
                    (b"\r\n", b"--xyz", b"\0", b"\xff" * 4, b'"')
                )
        content = content or bytearray(b"x")
    return bytes(content)


def test_no_malformed_upload_is_an_error_of_the_service(server: Running) -> None:
    generator, forms = random.Random(0), seeds()
    statuses: dict[int, int] = {}
    for number in range(UPLOADS):
        kind, body = forms[number % len(forms)]
        broken = damaged(body, generator)
        got = server.client.post(CAPTIONS, content=broken, headers={"Content-Type": kind})
        assert got.status_code in (200, 400, 413, 415, 422), (broken, got.text)
        statuses[got.status_code] = statuses.get(got.status_code, 0) + 1
    assert statuses[400] > UPLOADS / 20
    assert statuses[422] > UPLOADS / 20
    assert caption_of(server.client.post(CAPTIONS, content=numbered(1))) == "number 1 greedy"
