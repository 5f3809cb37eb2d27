"""What each family of models is asked, and how its answer is read.

Some families caption without a prompt (BLIP, GIT, ViT-GPT2). Others continue a beginning
(Kosmos-2), know their task by a word (Florence-2, PaliGemma), or are chat models that answer a
question about the picture. A model whose processor has a chat template is asked through it, unless
its family is in the table.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

from tushuo.errors import SettingError
from tushuo.text.tokenization import LANGUAGES, Language

QUESTIONS: dict[Language, str] = {
    "en": "Describe this picture in one short sentence.",
    "zh": "用一句简短的中文描述这张图片。",
}
Kind = Literal["none", "text", "chat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Models of one type that are asked in the same way.

    Attributes:
        kind: without a prompt, with a text beside the picture, or through a chat template.
        prompts: the prompt by language; families without a prompt caption in English.
        example: a repository of this family.
    """

    kind: Kind
    prompts: dict[Language, str]
    example: str


FAMILIES: dict[str, Family] = {
    "vision-encoder-decoder": Family(
        kind="none", prompts={"en": ""}, example="nlpconnect/vit-gpt2-image-captioning"
    ),
    "blip": Family(
        kind="none", prompts={"en": ""}, example="Salesforce/blip-image-captioning-base"
    ),
    "git": Family(kind="none", prompts={"en": ""}, example="microsoft/git-base-coco"),
    "pix2struct": Family(
        kind="none", prompts={"en": ""}, example="google/pix2struct-textcaps-base"
    ),
    "blip-2": Family(
        kind="text", prompts={"en": "a photo of"}, example="Salesforce/blip2-opt-2.7b"
    ),
    "instructblip": Family(
        kind="text",
        prompts={"en": "A short image description:"},
        example="Salesforce/instructblip-flan-t5-xl",
    ),
    "florence2": Family(
        kind="text", prompts={"en": "<CAPTION>"}, example="florence-community/Florence-2-base"
    ),
    "kosmos-2": Family(
        kind="text", prompts={"en": "An image of"}, example="microsoft/kosmos-2-patch14-224"
    ),
    "paligemma": Family(
        kind="text",
        prompts={"en": "caption en", "zh": "caption zh"},
        example="google/paligemma-3b-mix-224",
    ),
}
CHAT = Family(kind="chat", prompts=QUESTIONS, example="HuggingFaceTB/SmolVLM-256M-Instruct")


def family_of(model_type: str, processor: Any, name: str) -> Family:
    """Return the family of a model.

    Raises:
        SettingError: it is in no family, and its processor has no chat template.
    """
    if model_type in FAMILIES:
        return FAMILIES[model_type]
    if getattr(processor, "chat_template", None):
        return CHAT
    raise SettingError(
        f"{name} is a model of the type {model_type}, which has neither a known prompt nor a chat "
        f"template; known: {', '.join(FAMILIES)}, and chat models"
    )


def prompt_of(family: Family, language: Language, given: str | None, name: str) -> str:
    """Return the prompt to use: the given one, or the family's own.

    Raises:
        SettingError: the family captions in another language, or takes no prompt.
    """
    if given is not None:
        if family.kind == "none" and not given.strip():
            raise SettingError(f"prompt was empty, but {name} continues it; leave it out")
        return given
    if language not in family.prompts:
        known = ", ".join(LANGUAGES[own] for own in family.prompts)
        raise SettingError(
            f"{name} captions in {known}, but {LANGUAGES[language]} was requested; choose a chat "
            "model or PaliGemma, or write a --prompt"
        )
    return family.prompts[language]


def clean(text: str) -> str:
    """Return an answer as a caption: on one line, without marks of places and of the task."""
    plain = re.sub(r"<[^<>\s][^<>]*>", " ", text)  # <loc_12>, <s>, <|im_end|>
    return " ".join(plain.split())
