"""Caption data of every form, made for tests: the same three pictures each time."""

import io
import json
import tarfile
from collections.abc import Callable

from PIL import Image

NAMES = ("p0.jpg", "p1.jpg", "p2.jpg")
CAPTIONS = (("a red dog", "one red dog"), ("a green cat, asleep",), ("the blue bird",))
PAIRS = [(name, text) for name, texts in zip(NAMES, CAPTIONS, strict=True) for text in texts]
EXPECTED = dict(zip(NAMES, CAPTIONS, strict=True))


def picture() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(content, "JPEG")
    return content.getvalue()


def table(separator: str, header: str | None, *, quoted: bool = False) -> bytes:
    mark = '"' if quoted else ""
    rows = [f"{name}{separator}{mark}{text}{mark}" for name, text in PAIRS]
    return "\n".join([*([header] if header else []), *rows, ""]).encode()


def coco(**changes: object) -> dict[str, object]:
    images = [{"id": n, "file_name": name} for n, name in enumerate(NAMES)]
    annotations = [
        {"id": n, "image_id": NAMES.index(name), "caption": text}
        for n, (name, text) in enumerate(PAIRS)
    ]
    return {"images": images, "annotations": annotations, **changes}


def karpathy(**fields: object) -> bytes:
    images = [
        {"filename": name, "split": "train", "sentences": [{"raw": t} for t in texts], **fields}
        for name, texts in EXPECTED.items()
    ]
    return json.dumps({"images": images, "dataset": "x"}).encode()


def textcaps() -> bytes:
    data = [
        {"image_id": name[:-4], "image_path": f"train/{name}", "caption_str": text,
         "reference_strs": list(EXPECTED[name])}
        for name, text in PAIRS
    ]  # fmt: skip
    return json.dumps({"dataset_type": "train", "data": data}).encode()


def tar(parts: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, part in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(part)
            archive.addfile(member, io.BytesIO(part))
    return content.getvalue()


def webdataset(ending: str = "txt") -> bytes:
    parts = {}
    for name, texts in EXPECTED.items():
        parts[name] = picture()
        text = json.dumps({"caption": list(texts)}) if ending == "json" else "\n".join(texts)
        parts[f"{name[:-4]}.{ending}"] = text.encode()
    return tar(parts)


def lines(**more: object) -> bytes:
    items = [{"file_name": name, "text": text, **more} for name, text in PAIRS]
    return "".join(json.dumps(item) + "\n" for item in items).encode()


def json_list(image: str, caption: str, **more: object) -> bytes:
    items = [{image: name, caption: list(texts), **more} for name, texts in EXPECTED.items()]
    return json.dumps(items).encode()


# Name of the file, and its content, by the name of the form.
FORMS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "coco": ("captions_train2014.json", lambda: json.dumps(coco()).encode()),
    "coco-pretty": ("captions.json", lambda: json.dumps(coco(), indent=1).encode()),
    "karpathy": ("dataset_coco.json", karpathy),
    "karpathy-filepath": ("dataset_coco.json", lambda: karpathy(filepath="train2014")),
    "flickr": (
        "Flickr8k.token.txt",
        lambda: "".join(f"{n}#{k}\t{t}\n" for k, (n, t) in enumerate(PAIRS)).encode(),
    ),
    "coco-cn": (
        "imageid.human-caption.txt",
        lambda: "".join(f"{n[:-4]}#zhm#0\t{t}\n" for n, t in PAIRS).encode(),
    ),
    "flickr30k": (
        "results.csv",
        lambda: (
            "image_name| comment_number| comment\n"
            + "".join(f"{n}| {k}{'| ' if k else '   '}{t}\n" for k, (n, t) in enumerate(PAIRS))
        ).encode(),
    ),
    "comma": ("captions.csv", lambda: table(",", "image,caption", quoted=True)),
    "comma-spaces": ("captions.txt", lambda: table(", ", "image, caption", quoted=True)),
    "semicolon-bom": ("captions.csv", lambda: b"\xef\xbb\xbf" + table(";", "image;caption")),
    "tab": ("captions.tsv", lambda: table("\t", "filepath\ttitle")),
    "tab-named-csv": ("captions.csv", lambda: table("\t", "filename\ttext")),
    "bar": ("captions.txt", lambda: table("|", "image|caption")),
    "no-header": ("captions.tsv", lambda: table("\t", None)),
    "utf-16": ("captions.csv", lambda: table(";", "image;caption").decode().encode("utf-16")),
    "old-mac": ("captions.tsv", lambda: table("\t", "image\tcaption").replace(b"\n", b"\r")),
    "unknown-header": ("captions.tsv", lambda: table("\t", "Foto\tBeschreibung")),
    "numbered": (
        "metadata.csv",
        lambda: "".join(
            f"{name};{';'.join((*texts, '')[:2])}\n"
            for name, texts in {"file_name": ("caption_0", "caption_1"), **EXPECTED}.items()
        ).encode(),
    ),
    "list-in-cell": (
        "annotations.tsv",
        lambda: "".join(
            f"{json.dumps(texts) if texts else 'raw'}\t{name}\n"
            for name, texts in {"filename": (), **EXPECTED}.items()
        ).encode(),
    ),
    "python-list-in-cell": (
        "annotations.tsv",
        lambda: "".join(
            f"{list(texts) or 'raw'}\t{name}\n"
            for name, texts in {"filename": (), **EXPECTED}.items()
        ).encode(),
    ),
    "json-lines": ("metadata.jsonl", lines),
    "json-lines-named-json": ("captions.json", lines),
    "json-lines-lists": (
        "a.jsonl",
        lambda: "".join(
            json.dumps({"image": n, "captions": t}) + "\n" for n, t in EXPECTED.items()
        ).encode(),
    ),
    "blip": ("coco_karpathy_train.json", lambda: json_list("image", "caption")),
    "ai-challenger": (
        "caption_train_annotations_20170902.json",
        lambda: json_list("image_id", "caption", url="http://example.org/a"),
    ),
    "wrapped-list": (
        "captions.json",
        lambda: b'{"info": {}, "data": ' + json_list("image", "caption") + b"}",
    ),
    "excel": ("captions.csv", lambda: b"sep=;\r\n" + table(";", "image;caption")),
    "mapping": ("captions.json", lambda: json.dumps(EXPECTED).encode()),
    "textcaps": ("TextCaps_0.1_train.json", textcaps),
    "webdataset": ("00000.tar", webdataset),
    "webdataset-json": ("00000.tar", lambda: webdataset("json")),
}
