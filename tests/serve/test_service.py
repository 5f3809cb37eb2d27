"""Captions over HTTP: real requests to a real server."""

import asyncio
import json
import logging
import random
import socket
import threading
import time
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.serve.conftest import POISON, NumberCaptioner, Running, in_base64, numbered, running
from tushuo.search.config import SearchConfig
from tushuo.serve import captions, problems, service

CAPTIONS = "/v1/captions"


def caption_of(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    (one,) = response.json()["captions"]
    return str(one["caption"])


def problem_of(response: httpx.Response, code: str) -> str:
    """Return the sentence of a problem."""
    content = response.json()
    assert (content["code"], content["status"]) == (code, response.status_code), response.text
    assert response.status_code == problems.STATUSES[code]  # type: ignore[index]
    assert response.headers["content-type"] == problems.MEDIA_TYPE
    return str(content["detail"])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_the_body_is_a_picture_of_any_format_whatever_its_type_is_called(
    kind: str, server: Running
) -> None:
    for header in ("image/jpeg", "application/octet-stream", "text/plain", ""):
        headers = {"Content-Type": header} if header else {}
        got = server.client.post(CAPTIONS, content=numbered(0x808080, kind=kind), headers=headers)
        assert caption_of(got).startswith("number 8")


def test_a_form_and_json_hold_one_picture_or_several(server: Running) -> None:
    one = server.client.post(CAPTIONS, files={"image": numbered(7)})
    assert caption_of(one) == "number 7 greedy"
    files = [("images", numbered(number)) for number in (1, 2, 3)]
    form = server.client.post(CAPTIONS, files=files, data={"search": "beam"})
    body = {"images": [in_base64(numbered(number)) for number in (1, 2, 3)], "search": "beam"}
    in_json = server.client.post(CAPTIONS, json=body)
    assert form.json() == in_json.json()
    assert form.json()["model"] == "numbers"
    texts = [one["caption"] for one in form.json()["captions"]]
    assert texts == [f"number {number} beam" for number in (1, 2, 3)]
    address = f"data:image/png;base64,{in_base64(numbered(9))}"
    assert caption_of(server.client.post(CAPTIONS, json={"image": address})) == "number 9 greedy"


def test_details_are_shown_on_demand(server: Running) -> None:
    plain = server.client.post(CAPTIONS, content=numbered(5)).json()["captions"][0]
    words = [{"word": "number", "log_prob": -0.5}, {"word": "5", "log_prob": -1.0}]
    words.append({"word": "greedy", "log_prob": -0.25})
    assert plain == {
        "caption": "number 5 greedy", "log_prob": -1.875, "words": words, "end_log_prob": -0.125,
    }  # fmt: skip
    query = {"attention": "true", "concepts": "true", "search": "beam", "n_best": "2"}
    full = server.client.post(CAPTIONS, content=numbered(5), params=query).json()["captions"][0]
    assert full["words"][0]["attention"] == [[0.25, 0.25], [0.25, 0.25]]
    assert full["field_of_view"] == {"crop": None}
    assert full["concepts"] == [{"word": "number", "probability": 0.9, "box": None}]
    assert [one["caption"] for one in full["alternatives"]] == ["another"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"search": "best"}, "search was 'best', but must be one of greedy, sample, beam"),
        ({"beam_sise": 3}, "'beam_sise' is not an option; did you mean beam_size?"),
        ({"n_best": 2}, "n-best was 2, but greedy decoding gives one caption"),
        ({"search": "beam", "beam_size": 51}, "beam_size was 51, but this service accepts at most"),
        ({"max_words": 101}, "max_words was 101, but this service accepts at most 100"),
        ({"beam_size": "many"}, "beam_size was 'many', but must be a whole number"),
        ({"attention": "maybe"}, "attention"),
        ({"min_words": 9, "max_words": 3}, "min-words was 9, more than max-words, which is 3"),
        ({"confidence": True}, "numbers is not calibrated, so captions have no confidence"),
        ({"min_confidence": 2}, "min_confidence was 2.0, but must be from 0 to 1"),
        ({"banned_words": ["x" * 101]}, "banned_words was too long"),
        ({"api_key": "secret"}, "'api_key' is not an option"),
    ],
)
def test_an_invalid_option_is_one_sentence(
    options: dict[str, Any], sentence: str, server: Running
) -> None:
    body = {"image": in_base64(numbered(1))} | options
    detail = problem_of(server.client.post(CAPTIONS, json=body), "invalid-option")
    assert sentence in detail
    query = {name: str(v) if not isinstance(v, list) else v for name, v in options.items()}
    got = server.client.post(CAPTIONS, content=numbered(1), params=query)
    problem_of(got, "invalid-option")
    assert server.captioner.batches == []


def test_options_are_lists_and_numbers_in_an_address_too(server: Running) -> None:
    query = [("search", "beam"), ("banned_words", "a dog"), ("banned_words", "cat"), ("top_k", "3")]
    got = server.client.post(CAPTIONS, content=numbered(1), params=query)
    assert caption_of(got) == "number 1 beam"
    twice = server.client.post(CAPTIONS, content=numbered(1), params=[("seed", "1"), ("seed", "2")])
    assert problem_of(twice, "invalid-option") == "seed was given twice; give it once"
    both = server.client.post(CAPTIONS + "?seed=1", json={"image": "", "seed": 2})
    problem_of(both, "invalid-request")


def test_a_default_search_beyond_the_limits_is_accepted() -> None:
    usual = SearchConfig(search="consensus", mbr_samples=60)
    with running(NumberCaptioner(search=usual)) as own:
        assert caption_of(own.client.post(CAPTIONS, content=numbered(3))) == "number 3 consensus"


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of one bit per pixel, of few bytes."""
    content = BytesIO()
    Image.new("1", (width, height)).save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize(
    ("body", "code", "sentence"),
    [
        (b"", "invalid-request", "the body is empty"),
        (b"nonsense", "unsupported-format", "in no format that is read; send one of JPEG, PNG"),
        (b"<svg xmlns='x'/>", "unsupported-format", "an SVG drawing"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "unsupported-format", "a HEIC picture"),
        (numbered(1)[:40], "invalid-picture", "the picture is a damaged PNG"),
        (numbered(1, kind="JPEG")[:200], "invalid-picture", "damaged"),
        (bomb(1001, 1000), "too-many-pixels", "1001 x 1000 pixels, but at most 1000000 in total"),
        (bytes(200_001), "body-too-large", "the body has 200001 bytes, but at most 200000"),
    ],
)
def test_a_picture_that_is_refused(body: bytes, code: str, sentence: str) -> None:
    with running(max_pixels=1_000_000, max_bytes=200_000) as own:
        assert sentence in problem_of(own.client.post(CAPTIONS, content=body), code)


def test_a_picture_that_claims_far_too_many_pixels_is_never_decoded(server: Running) -> None:
    header = bytearray(numbered(1))
    header[16:24] = (50_000).to_bytes(4, "big") * 2
    import zlib

    header[29:33] = zlib.crc32(bytes(header[12:29])).to_bytes(4, "big")
    started = time.monotonic()
    problem_of(server.client.post(CAPTIONS, content=bytes(header)), "too-many-pixels")
    assert time.monotonic() - started < 5
    assert server.captioner.batches == []


def test_of_several_pictures_each_has_its_caption_or_problem(server: Running) -> None:
    pictures = [numbered(1), b"nonsense", numbered(POISON), numbered(2)[:40], numbered(3)]
    body = {"images": [in_base64(one) for one in pictures]}
    got = server.client.post(CAPTIONS, json=body)
    assert got.status_code == 200
    answers = [one.get("caption") or one["problem"]["code"] for one in got.json()["captions"]]
    assert answers == [
        "number 1 greedy", "unsupported-format", "internal", "invalid-picture", "number 3 greedy",
    ]  # fmt: skip


def test_too_many_pictures(server: Running) -> None:
    files = [("images", numbered(number)) for number in range(17)]
    problem_of(server.client.post(CAPTIONS, files=files), "too-many-pictures")
    body = {"images": [in_base64(numbered(1))] * 17}
    detail = problem_of(server.client.post(CAPTIONS, json=body), "too-many-pictures")
    assert "has 17 pictures, but at most 16 are accepted" in detail


@pytest.mark.parametrize(
    ("headers", "body", "sentence"),
    [
        ({"Content-Type": "application/json"}, b"{", "not a JSON object"),
        ({"Content-Type": "application/json"}, b"[" * 5000, "not a JSON object"),
        ({"Content-Type": "application/json"}, b"[]", "not a JSON object"),
        ({"Content-Type": "application/json"}, b"{}", "must have either image"),
        ({"Content-Type": "application/json"}, b'{"image": 5}', "must be a text"),
        ({"Content-Type": "application/json"}, b'{"image": "!"}', "not valid base64"),
        ({"Content-Type": "application/json"}, b'{"image": "\xff"}', "not a JSON object"),
        ({"Content-Type": "application/json"}, b'{"images": []}', "has no picture"),
        (
            {"Content-Type": "application/json"},
            b'{"image": "http://169.254.169.254/"}',
            "which this service does not fetch",
        ),
        ({"Content-Type": "multipart/form-data"}, b"x", "cannot be read"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\n", "has no picture"),
        (
            {"Content-Type": "multipart/form-data; boundary=x"},
            b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\nc\r\n--x--\r\n',
            "call it image or images",
        ),
    ],
)
def test_a_damaged_body(
    headers: dict[str, str], body: bytes, sentence: str, server: Running
) -> None:
    got = server.client.post(CAPTIONS, content=body, headers=headers)
    assert sentence in problem_of(got, "invalid-request")


def test_a_chunked_body_without_end_is_refused_at_the_limit() -> None:
    def chunks() -> Any:
        while True:
            yield bytes(10_000)

    with running(max_bytes=100_000) as own:
        try:
            got = own.client.post(CAPTIONS, content=chunks())
        except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
            pass  # the connection may close before the client has read the answer
        else:
            problem_of(got, "body-too-large")
        assert own.service.intake.held == 0
        own.until(lambda: own.metric("tushuo_problems_total") == 1)


def test_an_upload_that_is_too_slow_is_refused() -> None:
    with running(upload=0.2) as own, socket.create_connection(own.url[7:].split(":")) as slow:
        slow.sendall(b"POST /v1/captions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\na")
        answer = b"".join(iter(lambda: slow.recv(10_000), b""))
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"did not arrive within 0.2 seconds" in answer


def test_memory_of_all_requests_is_bounded() -> None:
    with running(max_bytes=50_000, max_held=60_000) as own:
        own.captioner.gate.clear()
        padding = numbered(1) + bytes(40_000)
        answers: list[httpx.Response] = []
        thread = threading.Thread(
            target=lambda: answers.append(own.client.post(CAPTIONS, content=padding))
        )
        thread.start()
        own.until(lambda: own.service.running == 1)
        refused = own.client.post(CAPTIONS, content=padding)
        assert "hold 4" in problem_of(refused, "queue-full")
        assert refused.headers["retry-after"] == "1"
        own.captioner.gate.set()
        thread.join()
        assert caption_of(answers[0]) == "number 1 greedy"
        assert own.service.intake.held == 0


async def post_all(own: Running, pictures: list[bytes], **more: Any) -> list[httpx.Response]:
    """Send all pictures at once."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=own.url, limits=limits, timeout=60, trust_env=False
    ) as client:
        posts = [client.post(CAPTIONS, content=one, **more) for one in pictures]
        return await asyncio.gather(*posts)


def test_nobody_gets_the_caption_of_another() -> None:
    numbers = random.Random(0).sample(range(1 << 24), 200)
    with running(NumberCaptioner(seconds=0.002), queue=200, deadline=60.0) as own:
        got = asyncio.run(post_all(own, [numbered(number) for number in numbers]))
        texts = [caption_of(one) for one in got]
        assert texts == [f"number {number} greedy" for number in numbers]
        sizes = own.captioner.batches
        assert sum(sizes) == 200
        assert 1 < max(sizes) <= 16
        assert own.metric("tushuo_pictures_total") == 200
        assert own.metric("tushuo_batch_pictures_count") == len(sizes)
        assert own.metric("tushuo_requests_total") == 202  # and those for metrics themselves


def test_overload_is_refused_at_once_and_ends_with_its_cause() -> None:
    with running(queue=16) as own:
        own.captioner.gate.clear()
        first = threading.Thread(target=own.client.post, args=(CAPTIONS,), kwargs={
            "content": numbered(1)})  # fmt: skip
        first.start()
        own.until(lambda: own.service.running == 1)

        async def overload() -> list[httpx.Response]:
            task = asyncio.create_task(post_all(own, [numbered(n) for n in range(100)]))
            while own.service.waiting < 16:
                await asyncio.sleep(0.005)
            started = time.monotonic()
            refused = await asyncio.to_thread(own.client.post, CAPTIONS, content=numbered(3))
            assert time.monotonic() - started < 1
            assert "16 pictures wait already" in problem_of(refused, "queue-full")
            assert int(refused.headers["retry-after"]) >= 1
            while own.service.metrics.refused.labels("queue-full")._value.get() < 85:
                await asyncio.sleep(0.005)
            own.captioner.gate.set()
            return await task

        statuses = [one.status_code for one in asyncio.run(overload())]
        first.join()
        assert (statuses.count(200), statuses.count(429)) == (16, 84)
        assert caption_of(own.client.post(CAPTIONS, content=numbered(4))) == "number 4 greedy"
        assert own.metric("tushuo_queue_pictures") == 0


def test_a_deadline_is_that_of_the_service_or_a_shorter_one_of_the_client() -> None:
    with running(deadline=0.3) as own:
        own.captioner.gate.clear()
        for headers, seconds in (({}, "0.3"), ({"X-Deadline-Ms": "50"}, "0.05")):
            got = own.client.post(CAPTIONS, content=numbered(1), headers=headers)
            assert f"not ready within {seconds} seconds" in problem_of(got, "deadline")
        long = own.client.post(CAPTIONS, content=numbered(1), headers={"X-Deadline-Ms": "99999"})
        assert "0.3 seconds" in problem_of(long, "deadline")
        for text in ("0", "-5", "1.5", "soon", "9" * 30):
            headers = {captions.DEADLINE_HEADER: text}
            wrong = own.client.post(CAPTIONS, content=numbered(1), headers=headers)
            assert "must be a whole number" in problem_of(wrong, "invalid-request")
        own.until(lambda: own.captioner.stopped == 3)  # nobody waits for these batches


def test_clients_that_leave_cost_nothing_more() -> None:
    with running() as own:
        own.captioner.gate.clear()
        request = b"POST /v1/captions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
        picture = numbered(1)

        def connect() -> socket.socket:
            one = socket.create_connection(own.url[7:].split(":"))
            one.sendall(request % (len(picture), picture))
            return one

        first = connect()
        own.until(lambda: own.service.running == 1)
        others = [connect() for _ in range(50)]
        own.until(lambda: own.service.waiting == 50)
        for one in others:
            one.close()
        own.until(lambda: own.service.waiting == 0)
        assert own.captioner.stopped == 0
        first.close()
        own.until(lambda: own.service.running == 0)
        assert own.captioner.stopped == 1
        assert own.captioner.batches == [1]
        own.captioner.gate.set()
        assert caption_of(own.client.post(CAPTIONS, content=numbered(2))) == "number 2 greedy"
        assert own.metric("tushuo_clients_left_total") == 51


def test_a_service_that_starts_or_could_not_start_answers_so() -> None:
    waits = threading.Event()

    def load() -> Any:
        waits.wait(20)
        raise OSError("no such model")

    with running(load=load, is_ready=False) as own:
        assert own.client.get("/live").json() == {"live": True}
        ready = own.client.get("/ready")
        assert (ready.status_code, ready.json()) == (503, {"ready": False, "state": "starting"})
        refused = own.client.post(CAPTIONS, content=numbered(1))
        problem_of(refused, "not-ready")
        assert refused.headers["retry-after"] == "2"
        problem_of(own.client.get("/v1/model"), "not-ready")
        waits.set()
        own.until(lambda: own.client.get("/ready").json()["state"] == "failed")
        assert isinstance(own.service.failure, OSError)


def test_a_service_that_stops_accepts_nothing() -> None:
    with running() as own:
        own.service.stop()
        problem_of(own.client.post(CAPTIONS, content=numbered(1)), "stopping")
        assert own.client.get("/ready").status_code == 503


def test_nothing_of_a_request_is_logged(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    body = {"image": in_base64(numbered(0xABCDEF)), "banned_words": ["secretword"]}
    server.client.post(CAPTIONS + "?seed=4711", content=numbered(1))
    server.client.post(CAPTIONS, json=body, headers={"Authorization": "Bearer secretkey"})
    server.client.get("/secretpath")
    own = [one for one in caplog.records if one.name == "tushuo.serve"]
    lines = [json.loads(one.getMessage()) for one in own]
    assert [one["route"] for one in lines] == [CAPTIONS, CAPTIONS, "other"]
    assert all(one.keys() == {"id", "method", "route", "status", "ms"} for one in lines)
    everything = "\n".join(one.getMessage() for one in caplog.records if "httpx" not in one.name
                           and "httpcore" not in one.name)  # fmt: skip
    metrics = server.client.get("/metrics").text
    for text in ("secret", "4711", in_base64(numbered(0xABCDEF))[:30]):
        assert text not in everything + metrics


def test_what_is_at_no_address_and_methods_that_are_not_taken(server: Running) -> None:
    problem_of(server.client.get("/v1/nothing"), "not-found")
    wrong = server.client.get(CAPTIONS)
    assert "does not take GET; use POST" in problem_of(wrong, "method-not-allowed")
    assert wrong.headers["allow"] == "POST"


def test_every_answer_has_its_number_and_the_headers_of_safety(server: Running) -> None:
    numbers = set()
    for path in ("/live", "/nothing", "/v1/model"):
        headers = server.client.get(path).headers
        numbers.add(headers["x-request-id"])
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers
    assert len(numbers) == 3


def test_the_model_is_described_without_its_folders(server: Running) -> None:
    got = server.client.get("/v1/model")
    content = got.json()
    assert (content["model"], content["language"]) == ("numbers", "en")
    assert content["limits"]["queue"] == 64
    assert content["search"]["search"] == "greedy"
    assert "/folders" not in got.text + server.client.get("/metrics").text


def test_an_error_that_nobody_foresaw_is_a_problem(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret reason")

    monkeypatch.setattr(service, "_check", fail)
    got = server.client.post(CAPTIONS, content=numbered(1))
    assert "secret" not in problem_of(got, "internal")
    monkeypatch.undo()
    assert caption_of(server.client.post(CAPTIONS, content=numbered(2))) == "number 2 greedy"
