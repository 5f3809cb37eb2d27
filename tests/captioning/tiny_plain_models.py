"""Tiny models of transformers that caption without a chat: parts of their repositories."""

from typing import Any

from transformers import (
    AddedToken,
    BartConfig,
    BartTokenizer,
    Blip2Config,
    Blip2ForConditionalGeneration,
    BlipConfig,
    BlipForConditionalGeneration,
    Florence2Config,
    Florence2ForConditionalGeneration,
    GemmaTokenizer,
    GitConfig,
    GitForCausalLM,
    GPT2Config,
    GPT2Tokenizer,
    InstructBlipConfig,
    InstructBlipForConditionalGeneration,
    Kosmos2Config,
    Kosmos2ForConditionalGeneration,
    PaliGemmaConfig,
    PaliGemmaForConditionalGeneration,
    Pix2StructConfig,
    Pix2StructForConditionalGeneration,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
)

from tests.captioning.tiny_parts import (
    HALF,
    PATCH,
    SIDE,
    SIZES,
    VISION,
    WIDTH,
    Parts,
    clip_images,
    image_processor,
    llama,
)
from tests.captioning.tiny_tokenizers import (
    bert,
    byte_level,
    sentence_piece,
    t5,
    xlm_roberta,
)


def vision_encoder_decoder() -> Parts:
    tokenizer = byte_level(GPT2Tokenizer, ["<|endoftext|>"])
    end = tokenizer.eos_token_id
    decoder = GPT2Config(
        vocab_size=len(tokenizer), n_embd=WIDTH, n_layer=2, n_head=2, n_positions=64,
        bos_token_id=end, eos_token_id=end, is_decoder=True, add_cross_attention=True,
    )  # fmt: skip
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(**VISION), decoder)
    config.decoder_start_token_id = config.pad_token_id = config.eos_token_id = end
    # Old repositories name a feature extractor, and their size is one number.
    pictures = {
        "do_normalize": True, "do_resize": True, "feature_extractor_type": "ViTFeatureExtractor",
        "image_mean": HALF, "image_std": HALF, "resample": 2, "size": SIDE,
    }  # fmt: skip
    model = VisionEncoderDecoderModel(config)
    return Parts(model, tokenizer, end, {"preprocessor_config.json": pictures})


def blip() -> Parts:
    tokenizer = bert()
    # The two last ids are marks of the decoder and of the encoder that the tokenizer lacks.
    text = {
        **SIZES, "vocab_size": len(tokenizer) + 2, "encoder_hidden_size": WIDTH,
        "max_position_embeddings": 64, "projection_dim": WIDTH, "bos_token_id": len(tokenizer),
        "eos_token_id": tokenizer.pad_token_id + 2, "pad_token_id": tokenizer.pad_token_id,
        "sep_token_id": tokenizer.sep_token_id,
    }  # fmt: skip
    config = BlipConfig(text_config=text, vision_config=VISION, projection_dim=WIDTH)
    pictures = image_processor("BlipImageProcessor", "BlipProcessor")
    model = BlipForConditionalGeneration(config)
    return Parts(model, tokenizer, tokenizer.sep_token_id, {"preprocessor_config.json": pictures})


def blip_2() -> Parts:
    tokenizer = byte_level(
        GPT2Tokenizer, ["<s>", "<pad>", "</s>"],
        bos_token="</s>", eos_token="</s>", unk_token="</s>", pad_token="<pad>",
    )  # fmt: skip
    tokenizer.add_tokens(["<image>"], special_tokens=True)
    newline = tokenizer.convert_tokens_to_ids("Ċ")  # which ends its captions
    text = {
        "model_type": "opt", "vocab_size": len(tokenizer), "hidden_size": WIDTH, "ffn_dim": 64,
        "num_hidden_layers": 2, "num_attention_heads": 2, "word_embed_proj_dim": WIDTH,
        "max_position_embeddings": 128, "bos_token_id": 2, "eos_token_id": newline,
        "pad_token_id": 1, "do_layer_norm_before": True,
    }  # fmt: skip
    config = Blip2Config(
        text_config=text, vision_config=VISION, qformer_config=query_former(), num_query_tokens=4,
        image_text_hidden_size=WIDTH,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    files = {
        "preprocessor_config.json": image_processor("BlipImageProcessor", "Blip2Processor"),
        "processor_config.json": {"num_query_tokens": 4, "processor_class": "Blip2Processor"},
    }
    return Parts(Blip2ForConditionalGeneration(config), tokenizer, newline, files)


def query_former(vocabulary: int = 100) -> dict[str, Any]:
    return {**SIZES, "encoder_hidden_size": WIDTH, "vocab_size": vocabulary}


def instructblip() -> Parts:
    tokenizer = sentence_piece(pad_token="</s>", padding_side="left")
    tokenizer.add_tokens(["<image>"], special_tokens=True)
    questions = bert()
    config = InstructBlipConfig(
        text_config=llama(tokenizer), vision_config=VISION, num_query_tokens=4,
        qformer_config=query_former(len(questions)), image_text_hidden_size=WIDTH,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    name = "InstructBlipProcessor"
    files = {
        "preprocessor_config.json": image_processor("BlipImageProcessor", name),
        "processor_config.json": {"num_query_tokens": 4, "processor_class": name},
    }
    model = InstructBlipForConditionalGeneration(config)
    others = {"qformer_tokenizer": questions}
    return Parts(model, tokenizer, tokenizer.eos_token_id, files, others)


def git() -> Parts:
    tokenizer = bert()
    config = GitConfig(
        **SIZES, vision_config=VISION, vocab_size=len(tokenizer), max_position_embeddings=128,
        bos_token_id=tokenizer.cls_token_id, eos_token_id=tokenizer.sep_token_id,
    )  # fmt: skip
    pictures = clip_images("GitProcessor")
    model = GitForCausalLM(config)
    return Parts(model, tokenizer, tokenizer.sep_token_id, {"preprocessor_config.json": pictures})


def pix2struct() -> Parts:
    tokenizer = t5()
    text = {
        "vocab_size": len(tokenizer), "hidden_size": WIDTH, "d_kv": 16, "d_ff": 64,
        "num_layers": 2, "num_heads": 2, "decoder_start_token_id": 0,
    }  # fmt: skip
    vision = {
        "hidden_size": WIDTH, "patch_embed_hidden_size": 3 * PATCH**2, "d_ff": 64, "d_kv": 16,
        "num_hidden_layers": 1, "num_attention_heads": 2, "seq_len": 2048,
    }  # fmt: skip
    config = Pix2StructConfig(text_config=text, vision_config=vision)
    config.vision_config.patch_size = PATCH
    pictures = {
        "image_processor_type": "Pix2StructImageProcessor", "do_convert_rgb": True,
        "do_normalize": True, "is_vqa": False, "max_patches": 24,
        "patch_size": {"height": PATCH, "width": PATCH}, "processor_class": "Pix2StructProcessor",
    }  # fmt: skip
    model = Pix2StructForConditionalGeneration(config)
    return Parts(model, tokenizer, tokenizer.eos_token_id, {"preprocessor_config.json": pictures})


def florence2() -> Parts:
    marks = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<image>"]
    extra = {"image_token": "<image>"}
    tokenizer = byte_level(BartTokenizer, marks, extra_special_tokens=extra)
    text = BartConfig(
        vocab_size=len(tokenizer), d_model=WIDTH, encoder_layers=1, decoder_layers=2,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=64,
        decoder_ffn_dim=64, max_position_embeddings=64, decoder_start_token_id=2,
        forced_eos_token_id=2, bos_token_id=0, eos_token_id=2, pad_token_id=1,
    )  # fmt: skip
    vision = {
        "depths": [1, 1], "patch_size": [7, 3], "patch_stride": [4, 2], "patch_padding": [3, 1],
        "patch_prenorm": [False, True], "embed_dim": [8, WIDTH], "num_heads": [1, 2],
        "num_groups": [1, 2], "window_size": 4, "projection_dim": WIDTH,
    }  # fmt: skip
    config = Florence2Config(
        text_config=text.to_dict(), vision_config=vision,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    places = (SIDE // 8) ** 2 + 1
    pictures = image_processor(
        "CLIPImageProcessor", "Florence2Processor", image_seq_length=places, do_center_crop=False
    )
    files = {
        "preprocessor_config.json": pictures,
        "processor_config.json": {"processor_class": "Florence2Processor"},
    }
    model = Florence2ForConditionalGeneration(config)
    model.generation_config.update(
        decoder_start_token_id=2, forced_bos_token_id=0, forced_eos_token_id=2, bos_token_id=0,
        eos_token_id=2, pad_token_id=1, num_beams=3, no_repeat_ngram_size=3, early_stopping=True,
    )  # fmt: skip
    return Parts(model, tokenizer, 2, files)


MARKS = [
    "</doc>", "<image>", "</image>", "</chunk>", "</line>", "<phrase>", "</phrase>", "<object>",
    "</object>", "</delimiter_of_multi_objects/>", "<grounding>",
]  # fmt: skip


def kosmos_2() -> Parts:
    tokenizer = xlm_roberta()
    patches = [f"<patch_index_{number:04d}>" for number in range(1024)]
    tokenizer.add_tokens(
        [AddedToken(token, lstrip=True, normalized=False) for token in MARKS + patches]
    )
    text = {
        "vocab_size": len(tokenizer), "embed_dim": WIDTH, "layers": 2, "ffn_dim": 64,
        "attention_heads": 2,         "max_position_embeddings": 256, "scale_embedding": False,
    }  # fmt: skip
    config = Kosmos2Config(text_config=text, vision_config=VISION, latent_query_num=64)
    pictures = clip_images("Kosmos2Processor")
    model = Kosmos2ForConditionalGeneration(config)
    return Parts(model, tokenizer, tokenizer.eos_token_id, {"preprocessor_config.json": pictures})


def paligemma() -> Parts:
    specials = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")
    tokenizer = sentence_piece(GemmaTokenizer, specials)
    tokenizer.add_tokens(["<image>"], special_tokens=True)
    places = [f"<loc{number:04d}>" for number in range(1024)]
    tokenizer.add_tokens(places + [f"<seg{number:03d}>" for number in range(128)])
    tokenizer.add_bos_token = False
    text = llama(tokenizer, "gemma") | {"head_dim": 16}
    config = PaliGemmaConfig(
        text_config=text, vision_config={**VISION, "model_type": "siglip_vision_model",
        "vision_use_head": False}, projection_dim=WIDTH, hidden_size=WIDTH,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"), vocab_size=len(tokenizer),
    )  # fmt: skip
    pictures = image_processor(
        "SiglipImageProcessor", "PaliGemmaProcessor", image_seq_length=(SIDE // PATCH) ** 2
    )
    model = PaliGemmaForConditionalGeneration(config)
    return Parts(model, tokenizer, tokenizer.eos_token_id, {"preprocessor_config.json": pictures})


BUILDERS = {
    "vision-encoder-decoder": vision_encoder_decoder,
    "blip": blip,
    "blip-2": blip_2,
    "instructblip": instructblip,
    "git": git,
    "pix2struct": pix2struct,
    "florence2": florence2,
    "kosmos-2": kosmos_2,
    "paligemma": paligemma,
}
