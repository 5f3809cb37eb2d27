"""Compare our words with those of Stanford's tokenizer, on captions changed at random.

    pip install 'tushuo[official]'          # and a Java runtime
    python scripts/ptb_beside_java.py DATA [--captions 20000] [--show 20]

Into each caption of DATA one to three odd parts are put: marks, clitics, numbers, abbreviations,
addresses; "apart" between two words, as people write them, or "glued" to a word without a space.
Then every character of Unicode's first two planes, between two words and inside one.
"""

import argparse
import random
from pathlib import Path

from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

import tushuo.data
from tushuo.metrics.ptb import split

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

# every one that has a shape; of the thousands of Chinese and Korean ones, which are alike, a few
CHARACTERS = [
    chr(n)
    for n in range(0x80, 0x20000)
    if chr(n).isprintable() and not (0x3400 <= n < 0x9F00 or 0xAC00 <= n < 0xD700)
]


def changed(caption: str, draw: random.Random, *, glued: bool) -> str:
    """Put one to three odd parts into a caption."""
    words = caption.split()
    for _ in range(draw.randint(1, 3)):
        place, odd = draw.randrange(len(words) + 1), draw.choice(ODD)
        if glued and place < len(words):
            words[place] = odd + words[place] if draw.random() < 0.5 else words[place] + odd
        else:
            words.insert(place, odd)
    return " ".join(words)


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--captions", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=0)
    options = parser.parse_args()
    known = [caption for record in tushuo.data.read(options.data) for caption in record.captions]
    draws = {kind: random.Random(options.seed) for kind in ("apart", "glued")}
    sets = {"as they are": known}
    for kind, draw in draws.items():
        chosen = draw.choices(known, k=options.captions)
        sets[kind] = [changed(caption, draw, glued=kind == "glued") for caption in chosen]
    sets["characters apart"] = [f"one {character} two" for character in CHARACTERS]
    sets["characters glued"] = [f"one{character}two" for character in CHARACTERS]
    for name, captions in sets.items():
        # the program reads on into the next line where a caption ends in "J."; "x" stops it
        lines = [{"caption": line} for caption in captions for line in (caption, "x")]
        official = PTBTokenizer().tokenize({0: lines})[0][::2]
        pairs = zip(captions, official, strict=True)
        diverse = [
            (one, " ".join(split(one)), of) for one, of in pairs if " ".join(split(one)) != of
        ]
        print(f"{name}: {len(diverse)} of {len(captions)} differ")
        for caption, ours, theirs in diverse[: options.show]:
            print(f"  {caption!r}\n    ours   {ours}\n    theirs {theirs}")


if __name__ == "__main__":
    main()
