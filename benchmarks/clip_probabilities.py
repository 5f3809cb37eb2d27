"""Compare ways to make probabilities of words from CLIP or SigLIP, on a model trained here.

    python benchmarks/clip_probabilities.py [clip | siglip] [--steps 400]

A tiny model learns for some minutes from 2,800 drawn scenes; 700 others are tagged with 24 words. A
word is right where any caption of a scene has it. Of each way: the area under the ROC curve over
all words and scenes, how often the most probable word is right, the expected calibration error
(over ten groups of equal size), and precision and recall of the words from a probability of 0.2.
"""

import argparse
import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
import torch
import transformers
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid

from tushuo.captioning.clip_tagger import NEUTRAL, SENTENCES
from tushuo.data import read
from tushuo.data.record import Record
from tushuo.data.scenes import COLOURS, OBJECTS, make_scenes
from tushuo.encoders.clip import ClipEncoder, ClipParts
from tushuo.encoders.huggingface import Preprocessing
from tushuo.encoders.resize import resize
from tushuo.pictures.opening import open_picture

SCENES, BATCH, SIDE, MAX_TOKENS, RATE = 3500, 96, 48, 20, 2e-3
WORDS = [*OBJECTS, *COLOURS, *["grass", "beach", "snow", "street", "room", "big", "small"]]
SINGULARS = {plural: singular for singular, (plural, *_) in OBJECTS.items()}
TOWER = {
    "hidden_size": 96, "intermediate_size": 192, "num_hidden_layers": 3, "num_attention_heads": 4,
}  # fmt: skip


def shown(record: Record) -> set[str]:
    """Return the words that a scene shows."""
    words = {word for caption in record.captions for word in caption.split()}
    return {SINGULARS.get(word, word) for word in words} & {*WORDS}


def draw_text(record: Record, draw: random.Random) -> str:
    """Draw a caption, a sentence with one of the words, or one that names nothing."""
    share = draw.random()
    if share < 0.7:
        return draw.choice(record.captions)
    if share < 0.95:
        return draw.choice(SENTENCES["en"]).format(draw.choice(sorted(shown(record))))
    return draw.choice(NEUTRAL["en"])


def make_parts(family: str, records: list[Record]) -> ClipParts:
    """Make a model with random weights, and a tokenizer of whole words."""
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel(unk_token="<unk>"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    texts = [caption for record in records for caption in record.captions]
    texts += [text.format(word) for text in SENTENCES["en"] for word in WORDS] + [*NEUTRAL["en"]]
    special = ["</s>", "<unk>", "<s>"]
    trainer = tokenizers.trainers.WordLevelTrainer(special_tokens=special, show_progress=False)
    words.train_from_iterator(texts, trainer)
    words.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 0)]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token="</s>", pad_token="</s>", unk_token="<unk>",
        bos_token="<s>",
    )  # fmt: skip
    ids = {"bos_token_id": 2, "eos_token_id": 0, "pad_token_id": 0}
    size = {"vocab_size": words.get_vocab_size(), "max_position_embeddings": MAX_TOKENS}
    towers = {
        "text_config": {**TOWER, **size, **ids},
        "vision_config": {**TOWER, "image_size": SIDE, "patch_size": 8},
    }
    torch.manual_seed(0)
    model: Any
    if family == "clip":
        model = transformers.CLIPModel(transformers.CLIPConfig(**towers, projection_dim=64))
    else:
        model = transformers.SiglipModel(transformers.SiglipConfig(**towers))
        model.logit_scale.data.fill_(np.log(10))
        model.logit_bias.data.fill_(-10)
    preprocessing = Preprocessing(size=SIDE, resample=3)
    return ClipParts(model=model, tokenizer=tokenizer, preprocessing=preprocessing, patch=None)


def train(parts: ClipParts, pixels: Tensor, records: list[Record], steps: int) -> None:
    """Train with the loss of the model's family, of each batch's pictures and texts."""
    model, draw, pairs = parts.model, random.Random(0), torch.arange(BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    siglip = model.config.model_type == "siglip"
    for step in range(steps):
        rows = draw.sample(range(len(records)), BATCH)
        tokens = parts.tokenizer(
            [draw_text(records[row], draw) for row in rows], return_tensors="pt",
            padding="max_length" if siglip else True, max_length=MAX_TOKENS, truncation=True,
        )  # fmt: skip
        mask = {} if siglip else {"attention_mask": tokens["attention_mask"]}
        inputs = {"pixel_values": parts.preprocessing.pixels(pixels[rows]), **mask}
        logits = model(input_ids=tokens["input_ids"], **inputs).logits_per_image
        if siglip:
            loss = -logsigmoid((2 * torch.eye(BATCH) - 1) * logits).sum(dim=1).mean()
        else:
            loss = (cross_entropy(logits, pairs) + cross_entropy(logits.T, pairs)) / 2
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)


def log_odds(
    encoder: ClipEncoder, pixels: Tensor, frequency: np.ndarray[Any, Any]
) -> dict[str, Tensor]:
    """Return the log-odds of each word in each picture, by several ways."""
    pictures = torch.cat([encoder(batch)[:, 0] for batch in pixels.split(BATCH)])
    sentences = [text.format(word) for word in WORDS for text in SENTENCES["en"]]
    means = encoder.captions(sentences).view(len(WORDS), len(SENTENCES["en"]), -1).mean(dim=1)
    logits = encoder.scale * pictures @ means.T
    neutral = encoder.scale * pictures @ encoder.captions(NEUTRAL["en"]).T
    prior = torch.from_numpy(np.log(frequency / (1 - frequency))).float()
    ratio = logits - neutral.mean(dim=1, keepdim=True)
    return {
        "softmax over all words": torch.logit(logits.softmax(dim=1), eps=1e-12),
        "sigmoid of the logit": logits + encoder.bias,
        "difference to sentences that name nothing": ratio,
        "difference to the most similar of these": logits - neutral.amax(dim=1, keepdim=True),
        "difference to the mean of all words": logits - logits.mean(dim=1, keepdim=True),
        "sentences that name nothing, and the word's frequency": ratio + prior,
    }


def report(name: str, probabilities: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> None:
    """Print a row of figures."""
    flat, hits = probabilities.reshape(-1), right.reshape(-1)
    order = np.argsort(flat, kind="stable")
    ranks = np.argsort(order)[hits]
    area = (ranks.sum() - hits.sum() * (hits.sum() - 1) / 2) / (hits.sum() * (~hits).sum())
    first = right[np.arange(len(right)), probabilities.argmax(axis=1)].mean()
    groups = np.array_split(order, 10)
    error = np.mean([abs(flat[group].mean() - hits[group].mean()) for group in groups])
    likely = flat >= 0.2
    precision = hits[likely].mean() if likely.any() else 0.0
    recall = hits[likely].sum() / hits.sum()
    print(f"{name:54s} {area:.3f} {first:.3f} {error:.3f} {precision:.3f} {recall:.3f}")


def main() -> None:
    """Train a model and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("family", nargs="?", choices=["clip", "siglip"], default="clip")
    parser.add_argument("--steps", type=int, default=400)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_scenes(Path(folder), count=SCENES)
        records = read(Path(folder))
        parts = make_parts(args.family, records)
        spec = parts.preprocessing.spec("tiny", parts.model, rows=1, columns=1, width=1)
        squares = torch.stack([resize(open_picture(record.path), spec) for record in records])
    known = [n for n, record in enumerate(records) if record.split == "train"]
    new = [n for n, record in enumerate(records) if record.split != "train"]
    train(parts, squares[known], [records[n] for n in known], args.steps)
    right = np.array([[word in shown(records[n]) for word in WORDS] for n in new])
    print(f"{len(new)} scenes, {len(WORDS)} words, of which {right.mean():.3f} are right")
    print(f"{'':54s} AUC   first ECE   prec. recall")
    ways = log_odds(ClipEncoder("tiny", parts), squares[new], right.mean(axis=0))
    for name, odds in ways.items():
        report(name, odds.double().sigmoid().numpy(), right)


if __name__ == "__main__":
    main()
