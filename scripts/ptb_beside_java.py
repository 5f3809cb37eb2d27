"""Compare our tokenizer with Stanford's on captions with random insertions.

    pip install 'tushuo[official]'          # and a Java runtime
    python scripts/ptb_beside_java.py DATA [--captions 20000] [--show 20]

Each caption gets one to three odd tokens (punctuation, clitics, numbers, abbreviations, addresses):
"separate" between two words, as people write them, or "joined" to a word without a space. Then
every character of Unicode's first two planes is tried, between two words and inside one.
"""

import argparse
import random
from pathlib import Path

from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

import tushuo.data
from tushuo.metrics.ptb import tokenize

ODD = """
. , ; : ! ? ... .. .... '' `` ' " ( ) [ ] { } - -- --- / \\ | & % $ # @ * + = < > ~ ^ _ … – — “
” ‘ ’ • ° © ½ ¼ ¾ £ € ¢ 's 'S n't 'll 've 're 'd 'm ’s n’t ’ll s' '90s '80 'n' can't don't isn't
won't they're it's I'm he'd cannot gonna 1 12 3.5 1,000 12:30 12:30pm 3pm 10th 1/2 3/4 1-2 10-20
.5 -5 +5 $5 $5.00 5% #1 1980s 5'10" 6ft 4x4 2000 1.2.3 Mr. Mrs. Dr. St. U.S. U.S.A. a.m. p.m.
e.g. i.e. etc. Jr. Inc. vs. No. L.A. T.V. J. Ph.D. Ave. D.J. mt. B. t-shirt black-and-white
x-ray mid-air and/or b/w w/ a&b AT&T R&B Q&A rock'n'roll o'clock ma'am y'all ol' O'Neill
www.example.com http://example.com/a?b=c example.com foo@bar.com @user #tag :) :-) ;-) :( :D <3
^_^ =) xD café naïve Zürich 日本語 don`t `quoted' ''quoted'' (two) [sic] wow!! what?! ¿que? a.b.c
A.B TV's DJ's 7's 🐶 👩‍👧 « » ‹a› ² m² CO₂ ⅓ 2⅔ ① ⅣⅣ ₹5 ¤ ‐ re‐use é cafés ​ so­ft ❤️ ♥ ™ → ★
〈中〉 「日本」 、 𝐀 ‰ ¡hola! ― a―b
""".split()  # noqa: SIM905 - a list of so many strings is harder to read

# all printable ones, but only a few of the thousands of Chinese and Korean ones, which behave alike
CHARACTERS = [
    chr(n)
    for n in range(0x80, 0x20000)
    if chr(n).isprintable() and not (0x3400 <= n < 0x9F00 or 0xAC00 <= n < 0xD700)
]


def mutate(caption: str, draw: random.Random, *, join: bool) -> str:
    """Insert one to three odd tokens into a caption."""
    words = caption.split()
    for _ in range(draw.randint(1, 3)):
        position, odd = draw.randrange(len(words) + 1), draw.choice(ODD)
        if join and position < len(words):
            word = words[position]
            words[position] = odd + word if draw.random() < 0.5 else word + odd
        else:
            words.insert(position, odd)
    return " ".join(words)


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--captions", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=0)
    args = parser.parse_args()
    original = [caption for record in tushuo.data.read(args.data) for caption in record.captions]
    sets = {"unchanged": original}
    for kind in ("separate", "joined"):
        draw = random.Random(args.seed)
        chosen = draw.choices(original, k=args.captions)
        sets[kind] = [mutate(caption, draw, join=kind == "joined") for caption in chosen]
    sets["characters separate"] = [f"one {character} two" for character in CHARACTERS]
    sets["characters joined"] = [f"one{character}two" for character in CHARACTERS]
    for name, captions in sets.items():
        # the program joins the next line to a caption that ends in "J."; a line of "x" prevents it
        lines = [{"caption": line} for caption in captions for line in (caption, "x")]
        official = PTBTokenizer().tokenize({0: lines})[0][::2]
        ours = [" ".join(tokenize(caption)) for caption in captions]
        rows = zip(captions, ours, official, strict=True)
        different = [row for row in rows if row[1] != row[2]]
        print(f"{name}: {len(different)} of {len(captions)} differ")
        for caption, our_words, their_words in different[: args.show]:
            print(f"  {caption!r}\n    ours   {our_words}\n    theirs {their_words}")


if __name__ == "__main__":
    main()
