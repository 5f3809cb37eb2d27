import csv
import re
from importlib.resources import files

import pytest

CONTENT = (files("tushuo") / "concepts" / "imagenet.tsv").read_text(encoding="utf-8")
ROWS = list(csv.DictReader(CONTENT.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
WORDS = {language: [row[language].split() for row in ROWS] for language in ("en", "zh")}

# The object names of COCO that a class shows; for names of two words, both.
COCO_EN = """person bicycle car motorcycle airplane bus train truck boat traffic light sign parking
meter bench bird cat dog horse sheep cow elephant bear zebra backpack umbrella handbag tie ski ball
baseball tennis racket bottle wine glass cup knife spoon bowl banana apple sandwich orange broccoli
hotdog pizza chair couch pot plant bed dining table toilet tv laptop mouse remote keyboard cell
phone microwave oven toaster sink refrigerator book clock vase teddy dryer"""
COCO_ZH = """人 自行车 汽车 摩托车 飞机 公交车 公共汽车 火车 卡车 船 红绿灯 长椅 鸟 猫 狗 马 绵羊 牛
大象 熊 斑马 背包 雨伞 手提包 领带 滑雪板 球 棒球 网球拍 瓶子 酒杯 杯子 刀 勺子 碗 香蕉 苹果 橙子
西兰花 热狗 披萨 椅子 沙发 植物 床 餐桌 马桶 电视 笔记本电脑 鼠标 遥控器 键盘 手机 微波炉 烤面包机
洗手池 冰箱 书 钟 花瓶 泰迪熊 吹风机"""


def test_a_row_for_each_class_in_order() -> None:
    assert CONTENT.splitlines()[0].split("\t") == ["class", "synset", "name", "en", "zh"]
    assert [row["class"] for row in ROWS] == [str(number) for number in range(1000)]
    synsets = [row["synset"] for row in ROWS]
    assert len(set(synsets)) == 1000
    assert synsets == sorted(synsets)  # the order of ILSVRC 2012
    assert all(re.fullmatch(r"n\d{8}", synset) for synset in synsets)


def test_names_are_unique() -> None:
    assert len({row["name"] for row in ROWS}) == 1000


@pytest.mark.parametrize(("language", "word"), [("en", r"[a-z]+"), ("zh", r"T恤|[㐀-鿿]+")])
def test_words_have_the_form_of_caption_words(language: str, word: str) -> None:
    for row, words in zip(ROWS, WORDS[language], strict=True):
        assert words, row
        assert len(set(words)) == len(words), row
        assert row[language] == " ".join(words), row
        assert all(re.fullmatch(word, one) for one in words), row


@pytest.mark.parametrize(("language", "names"), [("en", COCO_EN), ("zh", COCO_ZH)])
def test_object_names_of_coco_are_reached(language: str, names: str) -> None:
    assert set(names.split()) <= set().union(*WORDS[language])


@pytest.mark.parametrize(
    ("number", "en", "zh"),
    [
        (207, {"golden", "retriever", "dog", "animal"}, {"金毛犬", "狗"}),
        (281, {"tabby", "cat", "animal"}, {"猫"}),
        (620, {"laptop", "computer"}, {"笔记本电脑", "电脑"}),
        (779, {"bus", "vehicle"}, {"校车", "公共汽车"}),
        (963, {"pizza", "food"}, {"披萨", "食物"}),
        (967, {"espresso", "coffee", "cup", "drink"}, {"咖啡", "杯子"}),
        (970, {"mountain", "snow"}, {"雪山"}),
        (978, {"beach", "shore", "ocean", "water"}, {"海边"}),
        (981, {"player", "baseball", "man", "person"}, {"棒球", "人"}),
        (982, {"groom", "man", "person"}, {"新郎", "男人"}),
        (983, {"diver", "person"}, {"潜水员", "人"}),
    ],
)
def test_classes_have_their_words(number: int, en: set[str], zh: set[str]) -> None:
    assert en <= set(WORDS["en"][number])
    assert zh <= set(WORDS["zh"][number])


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (21, "kite"),  # the bird
        (134, "crane"),  # the bird
        (308, "fly"),  # the insect
        (492, "chest"),  # a box
        (531, "watch"),  # a wristwatch
        (712, "dish"),  # a Petri dish
        (725, "pitcher"),  # a jug
        (726, "plane"),  # the tool
        (736, "pool"),  # a pool table
        (824, "stole"),  # a scarf
        (934, "dog"),  # a hot dog
        (989, "hip"),  # a rose hip
        (998, "ear"),  # of corn
    ],
)
def test_words_of_another_sense_are_left_out(number: int, word: str) -> None:
    assert word not in WORDS["en"][number]


def test_the_most_general_words_come_last() -> None:
    general = {"animal", "person", "food", "动物", "人", "食物"}
    for words in WORDS["en"] + WORDS["zh"]:
        assert words[-1] in general or not general & set(words), words
