"""Make tests/metrics/meteor_reference.json: the counts of the official METEOR program.

    pip install 'tushuo[official]'          # and a Java runtime
    python scripts/meteor_reference.py

The cases are invented sentences, randomly mutated. Run it only when the cases change: tests compare
the aligner that needs no Java with these counts.
"""

import random
from pathlib import Path

import msgspec

from tushuo.metrics.corpus import Corpus
from tushuo.metrics.meteor import java

SENTENCES = """
a big dog runs quickly through the tall grass
a large hound is running fast in high grass
two boats lie in the harbour in front of a red house
a pair of ships are lying at the port before the red houses
the man on the left holds a small child 's hand
a guy at the left side is holding the hand of a little kid
a woman is taking a photograph of some children playing football
children play soccer while a lady takes pictures of them
the boys jumped into the pool , splashing water at each other
kids jumping in a swimming pool and splash one another
several people are waiting for the bus near the train station
a group of persons waits for a bus close to the railway station
the old cyclist is riding his bike up a steep hill
an elderly biker rides a bicycle uphill
a cat sits on top of a table next to a cup of coffee
on the table beside a coffee cup there sits a kitten
a surfer rides a wave in the ocean
someone is surfing the waves of the sea
a lot of birds fly over the lake at the beginning of the day
many birds are flying above the lake early in the morning
it is not possible to see the face of the girl because of her hat
the girl 's face can not be seen due to the hat
men and women dance happily at the wedding of mr. smith and dr. jones
a man and a woman are dancing at st. mary 's , u.s. style
the t-shirt costs 10,000 ... or about 3.50 $ in the '90s
he wears a tee shirt -- " rock 'n' roll " -- and blue jeans
a a a the the of of in in a the of in
the dog chases the cat and the cat chases the dog and the dog barks
as far as c5 or q4
naïve Ünïcode – “quoted” ‘words’ , 中文 and 🐶 !
the mice 's wolves ran ; the wolves ate the mice
geese , oxen , knives and leaves are beautiful and useless
""".strip().splitlines()
CASES = 250


def mutate(draw: random.Random, sentence: str) -> str:
    """Delete some words, insert words of another sentence, and shuffle."""
    words = sentence.split()
    for _ in range(draw.randint(0, 4)):
        position = draw.randrange(len(words) + 1)
        operation = draw.random()
        if operation < 0.3:
            del words[position : position + draw.randint(1, 3)]
        elif operation < 0.8:
            other = draw.choice(SENTENCES).split()
            start = draw.randrange(len(other))
            words[position:position] = other[start : start + draw.randint(1, 4)]
        else:
            draw.shuffle(words)
    return " ".join(words)


def main() -> None:
    """Write the file."""
    draw = random.Random(0)
    pairs = list(zip(SENTENCES[::2], SENTENCES[1::2], strict=True))
    cases = [(first, [second]) for first, second in pairs] + [("", ["a dog"]), ("a dog", [""])]
    for _ in range(CASES):
        first, second = draw.choice(pairs)
        hypothesis, *references = draw.choices([first, second], k=draw.randint(2, 5))
        mutated = mutate(draw, hypothesis)
        cases.append((mutated, [mutate(draw, reference) for reference in references]))
    corpus = Corpus(
        [hypothesis.split() for hypothesis, _ in cases],
        [[reference.split() for reference in references] for _, references in cases],
    )
    rows = java.count(corpus).astype(int).tolist()
    stored = [
        {"hypothesis": hypothesis, "references": references, "counts": row}
        for (hypothesis, references), row in zip(cases, rows, strict=True)
    ]
    lines = b",\n".join(msgspec.json.encode(case) for case in stored)
    path = Path(__file__).parents[1] / "tests" / "metrics" / "meteor_reference.json"
    path.write_bytes(b"[\n" + lines + b"\n]\n")


if __name__ == "__main__":
    main()
