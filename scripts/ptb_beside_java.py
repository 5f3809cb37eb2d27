"""Compare our tokenizer with Stanford's on real captions and on constructed kinds of text.

    pip install 'tushuo[official]'          # and a Java runtime
    python scripts/ptb_beside_java.py CAPTIONS [--random 20000] [--show 20]
    python scripts/ptb_beside_java.py CAPTIONS --record tests/metrics/ptb_reference.json

CAPTIONS is a text file (.txt), a caption a line, or data that tushuo reads. Its captions are
compared "alone", each followed by a line "x", and "in order", each followed by the next one, as the
official evaluator has them. In between come random lines of each kind: captions with random
insertions or edits, and random parts of a kind (numbers, abbreviations, addresses, ...). Then every
character of Unicode's first two planes is tried, between two words and inside one. --random states
how many lines of a kind; 0 leaves all these out.

--record adds the lines of CAPTIONS, with the words of the official program, to the test's file.
"""

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path

from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

import tushuo.data
from tushuo.metrics import ptb_abbreviations
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
A.B TV's DJ's 7's 🐶 👩‍👧 « » ‹a› ² m² CO₂ ⅓ 2⅔ ① ⅣⅣ ₹5 ¤ ‐ re‐use é cafés ​ so­ft ❤️ ♥ ™ → ★
〈中〉 「日本」 、 𝐀 ‰ ¡hola! ― a―b Rd. Ct. Penn. Mon. est. dept. sq. La. nos. Fig. ** ## >> @@ __
&nbsp; &#39; &amp; &eacute; &quot; <br> <br/> </b> DSC00123.jpg c'est F/A-18 a.1 1⁄2 1\\/2 C++ c#
""".split()  # noqa: SIM905 - a list of so many strings is harder to read
# parts of lines of one kind, which are joined with and without spaces
PARTS = {
    "numbers": "0 1 12 555 1234 - - . / , : ( ) + ½ $ % # ' s 1⁄2 pm th x",
    "addresses": "http:// www. .com .org/ x.net foo@ bar .jpg a B 1 . / - _ ? = & % # ~ @ , ; ( é",
    "entities": "& amp; lt; gt; quot; apos; nbsp; mdash; eacute; copy; #39; ; a A s . , amp",
    "tags": "< < > > / a br b i =\"x\" ='y' ! ? - é 1 . _ :",
    "apostrophes": "' ' ’ ` ‘ n t s S d ll re ve o O a e A E man can do y all D em is n't 's “ ”",
    "hyphens": "- - _ / a bc A U.S. 1 2.5 é ‐ ' o' & + . , ; pro anti non ­",
    "full stops": '. . ... , ; : ! ? " ) a B T.V. man Mr. No. The 1 …',
    "signs": ": ; = - o * ' ) ( D p [ ] { } @ | \\ < > ^ _ ~ # $ % & + ** 3 x °",
}
AFTER = ["", " x", " The dog", " A", " 5", "5", "x", ", y", "; y", ") y", '" y', ".", " <b>", " É"]

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


def edit(caption: str, draw: random.Random) -> str:
    """Insert, replace or remove one to four characters of a caption."""
    for _ in range(draw.randint(1, 4)):
        position = draw.randrange(len(caption) + 1)
        character = draw.choice(" abAZ129.,;:'-/&@#*_()\"!?$%+=^~|\\[]{}`é’“–½").strip()
        caption = caption[:position] + character + caption[position + draw.randint(0, 1) :]
    return caption


def abbreviation(draw: random.Random) -> str:
    """Return a line with an abbreviation in a random place."""
    known = ptb_abbreviations
    words = known.ENDING + known.CAPITAL_ENDING + known.TITLES + known.NUMBERED + known.IRREGULAR
    word = draw.choice([*words, "J", "b", "U.S", "e.g", "D.C", "approx", "min", "hwy", "oz"])
    word = draw.choice([word, word.lower(), word.upper(), word.title()])
    before = draw.choice(["", "a ", "(", '"', "-", "x-", "5 "])
    return f"{before}{word}{draw.choice(['.', '.', '.', '', '..'])}{draw.choice(AFTER)}"


def parts(pieces: str, draw: random.Random) -> str:
    """Return a line of two to eight random pieces."""
    chosen = [*pieces.split(), " "]
    return "".join(draw.choice(chosen) for _ in range(draw.randint(2, 8)))


def constructed(original: list[str], count: int, seed: int) -> dict[str, list[str]]:
    """Return random lines of each kind, and lines with each character."""
    kinds: dict[str, Callable[[random.Random], str]] = {
        "separate": lambda draw: mutate(draw.choice(original), draw, join=False),
        "joined": lambda draw: mutate(draw.choice(original), draw, join=True),
        "edited": lambda draw: edit(draw.choice(original), draw),
        "abbreviations": abbreviation,
        **{kind: lambda draw, it=pieces: parts(it, draw) for kind, pieces in PARTS.items()},
    }
    sets = {}
    for kind, make in kinds.items():
        draw = random.Random(seed)
        sets[kind] = [make(draw) for _ in range(count)]
    sets["characters separate"] = [f"one {character} two" for character in CHARACTERS]
    sets["characters joined"] = [f"one{character}two" for character in CHARACTERS]
    return sets


def official_words(lines: list[str]) -> list[str]:
    """Return the words of each line, as the official program has them where "x" follows."""
    captions = [{"caption": text} for line in lines for text in (line, "x")]
    return PTBTokenizer().tokenize({0: captions})[0][::2]


def report(name: str, lines: list[str], ours: list[str], official: list[str], show: int) -> None:
    """Print how many lines are equal, and some that are not."""
    rows = zip(lines, ours, official, strict=True)
    different = [row for row in rows if row[1] != row[2]]
    equal = len(lines) - len(different)
    print(f"{name}: {equal:,} of {len(lines):,} equal ({equal / max(len(lines), 1):.4%})")
    for line, our_words, their_words in different[:show]:
        print(f"  {line!r}\n    ours   {our_words}\n    theirs {their_words}")


def read_captions(path: Path) -> list[str]:
    """Read a text file, or data of a known format."""
    if path.suffix == ".txt":
        return [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    return [caption for record in tushuo.data.read(path) for caption in record.captions]


def record_words(lines: list[str], path: Path) -> None:
    """Write the official words of the stored and of these lines."""
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    lines = list(dict.fromkeys([*stored, *lines]))
    words = dict(zip(lines, official_words(lines), strict=True))
    path.write_text(json.dumps(words, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captions", type=Path)
    parser.add_argument("--random", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--record", type=Path)
    args = parser.parse_args()
    original = read_captions(args.captions)
    if args.record:
        return record_words(original, args.record)
    sets = {"alone": original}
    if args.random:
        sets |= constructed(original, args.random, args.seed)
    for name, lines in sets.items():
        ours = [" ".join(tokenize(line)) for line in lines]
        report(name, lines, ours, official_words(lines), args.show)
    official = PTBTokenizer().tokenize({0: [{"caption": line} for line in original]})[0]
    pairs = zip(original, [*original[1:], ""], strict=True)
    in_order = [" ".join(tokenize(line, following)) for line, following in pairs]
    report("in order", original, in_order, official, args.show)


if __name__ == "__main__":
    main()
