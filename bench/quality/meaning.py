"""Fifty questions over passages of our own, none of which shares a content word with the passage it should find.

`meaning/queries.tsv` and `meaning/passages.tsv` were written before there was a table, and none of `meaning/` is ever changed to suit one.
Run as a program it proves the claim: prints each pair that shares a word, and fails.
"""

import os
import re
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "meaning")

# Words that carry no content: articles, pronouns, prepositions, conjunctions, auxiliaries, question words, and a few adverbs.
STOP_WORDS = frozenset("""
a about above after again all also am an and any are as at be because been before being between both but by can cannot could
did do does doing done down each either else enough ever every everybody few for from further get gets had has have he her here
him his how i if in into is it its itself keep keeps less let many may me more most much must my never no nor not nothing now of
off often on once one only or other others our out over own same shall she should simply so some something soon still such than
that the their them then there these they this those three through till to too two under until up upon us use used very was we
were what when where which while who whoever whom why will with within without would yet you your yourself
""".split())


def words(text):
    return [w for w in re.findall(r"[a-z0-9]+", text.lower().replace("é", "e")) if w not in STOP_WORDS]


def stem(word):
    """Coarse on purpose: it should rather find too many relatives than too few."""
    for ending in ("ations", "ation", "ings", "ing", "ies", "ers", "er", "ors", "or", "ed", "es", "ly", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def related(a, b):
    return stem(a) == stem(b) or (len(a) >= 5 and len(b) >= 5 and a[:5] == b[:5])


def shared(query, passage):
    return sorted({(a, b) for a in words(query) for b in words(passage) if related(a, b)})


def read(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as lines:
        return [line.rstrip("\n").split("\t") for line in lines]


def documents():
    """Paragraphs of this repository's guides as they were when the table was made: more passages among which to find the right one.

    A copy, because the guides go on changing and the figures should not.
    """
    return read("guides.tsv")


def load():
    """(queries, passages): lists of (id, text); a query has the id of the passage it should find."""
    return read("queries.tsv"), read("passages.tsv")


def main():
    queries, passages = load()
    text_of = dict(passages)
    errors = 0
    for key, query in queries:
        for a, b in shared(query, text_of[key]):
            print(f"{key}: '{a}' of the question and '{b}' of the passage")
            errors += 1
        if not words(query):
            print(f"{key}: a question without a content word")
            errors += 1
    if len(queries) != 50 or len(text_of) != len(passages) or len({k for k, _ in queries}) != 50:
        print(f"{len(queries)} questions, {len(passages)} passages: 50 questions and distinct ids are promised")
        errors += 1
    print(f"{len(queries)} questions, {len(passages)} passages, {len(documents())} paragraphs of our guides, {errors} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
