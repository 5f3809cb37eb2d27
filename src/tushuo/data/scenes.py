"""Drawn scenes with captions, in MS-COCO form, for demos and tests without other data."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

import msgspec
from PIL import Image, ImageDraw

from tushuo.errors import DataError, SettingError
from tushuo.runtime import atomic_write, write_bytes

SIDE = 224  # pixels
SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}

# name: colour as RGB, Chinese
COLOURS = {
    "red": ((208, 52, 44), "红色"),
    "blue": ((46, 98, 204), "蓝色"),
    "yellow": ((240, 200, 48), "黄色"),
    "purple": ((138, 64, 168), "紫色"),
    "orange": ((240, 132, 40), "橙色"),
    "white": ((246, 246, 240), "白色"),
    "black": ((36, 36, 40), "黑色"),
}
# singular: plural, Chinese, its measure word
OBJECTS = {
    "ball": ("balls", "球", "个"),
    "house": ("houses", "房子", "座"),
    "car": ("cars", "汽车", "辆"),
    "boat": ("boats", "船", "艘"),
    "flower": ("flowers", "花", "朵"),
    "fish": ("fish", "鱼", "条"),
    "kite": ("kites", "风筝", "只"),
    "star": ("stars", "星星", "颗"),
    "tree": ("trees", "树", "棵"),
    "cat": ("cats", "猫", "只"),
}
# name: sky, ground, English, Chinese
PLACES = {
    "grass": ((168, 214, 240), (96, 168, 82), "on the grass", "草地上"),
    "beach": ((140, 200, 236), (236, 214, 150), "on the beach", "沙滩上"),
    "snow": ((196, 210, 226), (240, 246, 250), "in the snow", "雪地里"),
    "night": ((28, 32, 72), (70, 74, 84), "in a dark street", "夜晚的街上"),
    "room": ((226, 206, 180), (150, 108, 72), "in a room", "房间里"),
}
COUNTS = {1: ("a", "一"), 2: ("two", "两"), 3: ("three", "三"), 4: ("four", "四")}
SIZES = {"small": (0.62, "小"), "": (1.0, ""), "big": (1.4, "大")}

ENGLISH = (
    "{things} {place}",
    "there {are} {things} {place}",
    "the picture shows {things} {place}",
    "{things} {are} standing {place}",
    "we can see {things} {place}",
)
CHINESE = (
    "{place}有{things}",
    "{things}在{place}",
    "图片里{place}有{things}",
    "可以看到{things}在{place}",
    "这是{place}的{things}",
)


@dataclass(frozen=True)
class Scene:
    """What is drawn: how many, how big, of which colour, what, and where."""

    count: int
    size: str
    colour: str
    thing: str
    place: str

    def captions(self, language: Literal["en", "zh"]) -> list[str]:
        """Describe the scene in five ways."""
        english, chinese = COUNTS[self.count]
        place = PLACES[self.place]
        if language == "zh":
            _, name, measure = OBJECTS[self.thing]
            things = f"{chinese}{measure}{COLOURS[self.colour][1]}的{SIZES[self.size][1]}{name}"
            return [wording.format(things=things, place=place[3]) for wording in CHINESE]
        kind = self.thing if self.count == 1 else OBJECTS[self.thing][0]
        qualities = " ".join(word for word in (self.size, self.colour) if word)
        if self.count == 1 and qualities[0] in "aeiou":
            english = "an"
        are = "is" if self.count == 1 else "are"
        things = f"{english} {qualities} {kind}"
        return [wording.format(things=things, place=place[2], are=are) for wording in ENGLISH]


def make_scenes(
    folder: Path,
    *,
    count: int = 2000,
    language: Literal["en", "zh"] = "en",
    seed: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> None:
    """Draw ``count`` different scenes into ``folder``; the same seed draws the same files.

    Scenes are split into training, validation and test pictures; no scene is in two of them.

    Raises:
        SettingError: the count is below ten, or above the number of different scenes.
        DataError: the folder has other files.
    """
    scenes = [
        Scene(*parts)
        for parts in product(COUNTS, SIZES, COLOURS, OBJECTS, PLACES)
        if not (parts[2] == "white" and parts[4] == "snow")  # invisible
        and not (parts[2] == "black" and parts[4] == "night")
    ]
    if not 10 <= count <= len(scenes):
        raise SettingError(f"count was {count}, but must be from 10 to {len(scenes)}")
    if folder.is_dir() and any(
        p.name != "images" and p.suffix != ".json" for p in folder.iterdir()
    ):
        raise DataError(f"{folder} has other files; name a new folder for the scenes")
    random.Random(seed).shuffle(scenes)
    for number, scene in enumerate(scenes[:count]):
        path = folder / "images" / f"{number:05d}.jpg"
        with atomic_write(path) as file:
            draw(scene, random.Random(seed * 1_000_003 + number)).save(file, "JPEG", quality=90)
        if report:
            report(number + 1, count)
    start = 0
    for split, share in SHARES.items():
        end = count if split == "test" else start + round(count * share)
        content = _coco(scenes, range(start, end), language)
        write_bytes(folder / f"captions_{split}.json", msgspec.json.encode(content))
        start = end


def _coco(scenes: list[Scene], numbers: range, language: Literal["en", "zh"]) -> dict[str, object]:
    captions = [(number, c) for number in numbers for c in scenes[number].captions(language)]
    return {
        "info": {"description": "drawn scenes"},
        "images": [
            {"id": number, "file_name": f"{number:05d}.jpg", "width": SIDE, "height": SIDE}
            for number in numbers
        ],
        "annotations": [
            {"id": number * len(ENGLISH) + place % len(ENGLISH), "image_id": number, "caption": c}
            for place, (number, c) in enumerate(captions)
        ],
    }


def draw(scene: Scene, chance: random.Random) -> Image.Image:
    """Draw one scene; ``chance`` varies positions a little."""
    sky, ground, *_ = PLACES[scene.place]
    image = Image.new("RGB", (SIDE, SIDE), sky)
    pen = ImageDraw.Draw(image)
    horizon = SIDE * chance.uniform(0.45, 0.6)
    pen.rectangle((0, horizon, SIDE, SIDE), ground)
    radius = SIDE * 0.115 * SIZES[scene.size][0]
    for place in range(scene.count):
        x = SIDE * (place + 0.5) / scene.count + chance.uniform(-0.03, 0.03) * SIDE
        y = SIDE * chance.uniform(0.52, 0.76)
        reach = min(radius, SIDE * 0.46 / scene.count)
        _draw_thing(pen, scene.thing, COLOURS[scene.colour][0], x, y, reach)
    return image


# Each thing as polygons and ellipses around (0, 0), in radii; "own" is the thing's colour.
_SHAPES: dict[str, list[tuple[str, str, tuple[float, ...]]]] = {
    "ball": [("ellipse", "own", (-1, -1, 1, 1)), ("ellipse", "light", (-0.5, -0.6, -0.1, -0.2))],
    "house": [
        ("polygon", "own", (-0.9, 0, 0.9, 0, 0.9, 1.2, -0.9, 1.2)),
        ("polygon", "dark", (-1.1, 0, 0, -1, 1.1, 0)),
        ("polygon", "light", (-0.2, 0.5, 0.3, 0.5, 0.3, 1.2, -0.2, 1.2)),
    ],
    "car": [
        ("polygon", "own", (-1.3, 0, 1.3, 0, 1.3, 0.5, -1.3, 0.5)),
        ("polygon", "own", (-0.7, 0, -0.4, -0.5, 0.5, -0.5, 0.8, 0)),
        ("ellipse", "dark", (-0.95, 0.25, -0.35, 0.85)),
        ("ellipse", "dark", (0.35, 0.25, 0.95, 0.85)),
    ],
    "boat": [
        ("polygon", "own", (-1.2, 0.3, 1.2, 0.3, 0.8, 0.9, -0.8, 0.9)),
        ("polygon", "light", (0.05, -1.2, 0.05, 0.2, 0.9, 0.2)),
        ("polygon", "dark", (-0.05, -1.3, 0.05, -1.3, 0.05, 0.3, -0.05, 0.3)),
    ],
    "flower": [
        ("polygon", "green", (-0.07, 0, 0.07, 0, 0.07, 1.4, -0.07, 1.4)),
        ("ellipse", "own", (-0.9, -0.45, 0, 0.45)),
        ("ellipse", "own", (0, -0.45, 0.9, 0.45)),
        ("ellipse", "own", (-0.45, -0.9, 0.45, 0)),
        ("ellipse", "own", (-0.45, 0, 0.45, 0.9)),
        ("ellipse", "light", (-0.3, -0.3, 0.3, 0.3)),
    ],
    "fish": [
        ("ellipse", "own", (-1.1, -0.55, 0.7, 0.55)),
        ("polygon", "own", (0.5, 0, 1.2, -0.6, 1.2, 0.6)),
        ("ellipse", "light", (-0.8, -0.25, -0.5, 0.05)),
    ],
    "kite": [
        ("polygon", "own", (0, -1.2, 0.8, -0.2, 0, 0.9, -0.8, -0.2)),
        ("polygon", "dark", (-0.04, 0.9, 0.04, 0.9, 0.3, 1.6, 0.2, 1.6)),
    ],
    "star": [
        ("polygon", "own", (0, -1.1, 0.27, -0.37, 1.05, -0.34, 0.43, 0.14, 0.65, 0.89, 0, 0.45,
                            -0.65, 0.89, -0.43, 0.14, -1.05, -0.34, -0.27, -0.37)),
    ],
    "tree": [
        ("polygon", "dark", (-0.15, 0.3, 0.15, 0.3, 0.15, 1.3, -0.15, 1.3)),
        ("ellipse", "own", (-0.8, -1.2, 0.8, 0.5)),
    ],
    "cat": [
        ("ellipse", "own", (-0.7, -0.1, 0.7, 1.2)),
        ("ellipse", "own", (-0.55, -0.9, 0.55, 0.15)),
        ("polygon", "own", (-0.55, -0.5, -0.5, -1.25, -0.1, -0.8)),
        ("polygon", "own", (0.55, -0.5, 0.5, -1.25, 0.1, -0.8)),
        ("ellipse", "light", (-0.3, -0.55, -0.12, -0.35)),
        ("ellipse", "light", (0.12, -0.55, 0.3, -0.35)),
    ],
}  # fmt: skip
_OTHER = {"dark": (64, 50, 46), "light": (250, 244, 214), "green": (52, 120, 60)}


def _draw_thing(
    pen: ImageDraw.ImageDraw,
    thing: str,
    colour: tuple[int, int, int],
    x: float,
    y: float,
    radius: float,
) -> None:
    for shape, paint, numbers in _SHAPES[thing]:
        fill = _OTHER.get(paint, colour)
        points = [((x, y)[place % 2]) + number * radius for place, number in enumerate(numbers)]
        if shape == "ellipse":
            pen.ellipse(points, fill=fill)
        else:
            pen.polygon(points, fill=fill)
