"""Tiny models of transformers that caption as an answer to a chat: parts of their repositories.

The chat templates are short ones of our own, with the marks of each family.
"""

from typing import Any

from transformers import (
    GPT2Tokenizer,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    PreTrainedTokenizerBase,
    Qwen2Tokenizer,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
)

from tests.captioning.tiny_parts import (
    HALF,
    PATCH,
    SIDE,
    VISION,
    WIDTH,
    Parts,
    clip_images,
    image_processor,
    llama,
)
from tests.captioning.tiny_tokenizers import byte_level, sentence_piece

PARTS_OF_MESSAGE = (
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}"
)
MESSAGES = "{% for message in messages %}START" + PARTS_OF_MESSAGE + "END{% endfor %}"
TEMPLATE = MESSAGES + "{% if add_generation_prompt %}ANSWER{% endif %}"


def chat_template(image: str, start: str, end: str, answer: str) -> str:
    """Return a Jinja template with a family's marks around messages and in place of a picture."""
    marks = {"IMAGE": image, "START": start, "END": end, "ANSWER": answer}
    template = TEMPLATE
    for name, mark in marks.items():
        template = template.replace(name, mark)
    return template


def idefics_tokenizer() -> PreTrainedTokenizerBase:
    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    marks = {
        "image_token": "<image>", "fake_image_token": "<fake_token_around_image>",
        "end_of_utterance_token": "<end_of_utterance>", "global_image_token": "<global-img>",
    }  # fmt: skip
    specials = ["<|endoftext|>", "<|im_start|>", *marks.values(), *tiles]
    tokenizer = byte_level(
        GPT2Tokenizer, specials, bos_token="<|im_start|>", eos_token="<end_of_utterance>",
        pad_token="<|endoftext|>", extra_special_tokens=marks, padding_side="left",
    )  # fmt: skip
    tokenizer.add_tokens(tiles, special_tokens=True)
    return tokenizer


IDEFICS_CHAT = chat_template(
    "<image>",
    "{% if loop.first %}<|im_start|>{% endif %}{{ message['role'] | capitalize }}: ",
    "<end_of_utterance>\n",
    "Assistant:",
)


def idefics3() -> Parts:
    tokenizer = idefics_tokenizer()
    config = Idefics3Config(**idefics_settings(tokenizer))
    model = Idefics3ForConditionalGeneration(config)
    files = idefics_files("Idefics3")
    files["chat_template.json"] = {"chat_template": IDEFICS_CHAT}
    return Parts(model, tokenizer, tokenizer.eos_token_id, files)


def smolvlm() -> Parts:
    tokenizer = idefics_tokenizer()
    config = SmolVLMConfig(**idefics_settings(tokenizer))
    model = SmolVLMForConditionalGeneration(config)
    files = idefics_files("SmolVLM")
    files["chat_template.jinja"] = IDEFICS_CHAT
    return Parts(model, tokenizer, tokenizer.eos_token_id, files)


def idefics_settings(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    return {
        "text_config": llama(tokenizer), "vision_config": VISION, "scale_factor": 2,
        "image_token_id": tokenizer.convert_tokens_to_ids("<image>"),
        "pad_token_id": tokenizer.pad_token_id,
    }  # fmt: skip


def idefics_files(name: str) -> dict[str, Any]:
    """Settings that split a picture into tiles of 32 x 32, with at most 64 pixels a side."""
    pictures = image_processor(
        f"{name}ImageProcessor", f"{name}Processor", do_image_splitting=True, do_pad=True,
        size={"longest_edge": 2 * SIDE}, max_image_size={"longest_edge": SIDE}, do_convert_rgb=True,
    )  # fmt: skip
    places = (SIDE // PATCH // 2) ** 2
    settings = {"image_seq_len": places, "processor_class": f"{name}Processor"}
    return {"preprocessor_config.json": pictures, "processor_config.json": settings}


def qwen_tokenizer(*pictures: str) -> PreTrainedTokenizerBase:
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *pictures]
    return byte_level(
        Qwen2Tokenizer, specials, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>", *pictures], padding_side="left",
    )  # fmt: skip


def qwen_chat(image: str) -> str:
    start = "<|im_start|>{{ message['role'] }}\n"
    return chat_template(image, start, "<|im_end|>\n", "<|im_start|>assistant\n")


def qwen2_vl() -> Parts:
    image, video = "<|image_pad|>", "<|video_pad|>"
    start, end = "<|vision_start|>", "<|vision_end|>"
    tokenizer = qwen_tokenizer(start, end, image, video)
    text = llama(tokenizer, "qwen2_vl_text") | {
        "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3], "type": "mrope"}
    }
    vision = {
        "depth": 1, "embed_dim": WIDTH, "hidden_size": WIDTH, "num_heads": 2, "mlp_ratio": 2,
        "patch_size": PATCH,
    }  # fmt: skip
    number = tokenizer.convert_tokens_to_ids
    config = Qwen2VLConfig(
        text_config=text, vision_config=vision, image_token_id=number(image),
        video_token_id=number(video), vision_start_token_id=number(start),
        vision_end_token_id=number(end),
    )  # fmt: skip
    pictures = {
        "image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2VLProcessor",
        "patch_size": PATCH, "temporal_patch_size": 2, "merge_size": 2, "min_pixels": 32 * 32,
        "max_pixels": 64 * 64, "image_mean": HALF, "image_std": HALF,
    }  # fmt: skip
    files = {
        "preprocessor_config.json": pictures,
        "chat_template.json": {"chat_template": qwen_chat(start + image + end)},
    }
    model = Qwen2VLForConditionalGeneration(config)
    # Its repositories sample by default.
    model.generation_config.update(
        do_sample=True, temperature=0.01, top_k=1, top_p=0.001,
        pad_token_id=number("<|endoftext|>"),
        eos_token_id=[tokenizer.eos_token_id, number("<|endoftext|>")],
    )  # fmt: skip
    return Parts(model, tokenizer, tokenizer.eos_token_id, files)


def llava_onevision() -> Parts:
    tokenizer = qwen_tokenizer("<image>", "<video>")
    tiles = [[SIDE, SIDE], [SIDE, 2 * SIDE], [2 * SIDE, SIDE], [2 * SIDE, 2 * SIDE]]
    vision = {**VISION, "model_type": "siglip_vision_model", "vision_use_head": False}
    number = tokenizer.convert_tokens_to_ids
    config = LlavaOnevisionConfig(
        text_config=llama(tokenizer, "qwen2"), vision_config=vision,
        image_token_index=number("<image>"), video_token_index=number("<video>"),
        image_grid_pinpoints=tiles, vision_feature_layer=-1,
        vision_feature_select_strategy="full", vision_aspect_ratio="anyres_max_9",
    )  # fmt: skip
    name = "LlavaOnevisionProcessor"
    files = {
        "preprocessor_config.json": image_processor(
            "LlavaOnevisionImageProcessor", name, image_grid_pinpoints=tiles, do_pad=True
        ),
        "processor_config.json": {
            "processor_class": name, "image_token": "<image>", "video_token": "<video>",
            "num_image_tokens": (SIDE // PATCH) ** 2, "vision_feature_select_strategy": "full",
        },
        "chat_template.json": {"chat_template": qwen_chat("<image>\n")},
    }  # fmt: skip
    model = LlavaOnevisionForConditionalGeneration(config)
    return Parts(model, tokenizer, tokenizer.eos_token_id, files)


def llava() -> Parts:
    specials = ("<unk>", "<s>", "</s>", "<pad>", "<image>")
    tokenizer = sentence_piece(
        specials=specials, pad_token="<pad>", additional_special_tokens=["<image>"]
    )
    config = LlavaConfig(
        text_config=llama(tokenizer), vision_feature_layer=-2,
        vision_config={**VISION, "num_hidden_layers": 2, "model_type": "clip_vision_model",
        "projection_dim": WIDTH}, vision_feature_select_strategy="default",
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=(SIDE // PATCH) ** 2,
    )  # fmt: skip
    files = {
        "preprocessor_config.json": clip_images("LlavaProcessor"),
        "processor_config.json": {
            "processor_class": "LlavaProcessor", "image_token": "<image>", "patch_size": PATCH,
            "num_additional_image_tokens": 1, "vision_feature_select_strategy": "default",
        },
        "chat_template.json": {
            "chat_template": chat_template(
                "<image>\n", "{{ message['role'] | upper }}: ", " ", "ASSISTANT:"
            )
        },
    }  # fmt: skip
    model = LlavaForConditionalGeneration(config)
    return Parts(model, tokenizer, tokenizer.eos_token_id, files)


CHAT_BUILDERS = {
    "smolvlm": smolvlm,
    "idefics3": idefics3,
    "qwen2_vl": qwen2_vl,
    "llava_onevision": llava_onevision,
    "llava": llava,
}
