"""What the reference tokenizer does with each of Unicode's characters, asked of it one by one.

Frozen in the table, so that the C++ tokenizer depends on no library's version of Unicode. The reference itself mixes
several: its notion of punctuation, of marks and of lower case come from tables of different years.
"""

import numpy as np

DROPPED, SPACE, UNKNOWN, ALONE_UNKNOWN, LETTER, ALONE, SPELLED, ALONE_SPELLED = range(8)
CODE_POINTS, BLOCK = 0x110000, 256


def classify(tokenizer, vocabulary):
    """(classes: uint8 of every code point, spellings: {code point: text})."""
    normalize, split = tokenizer.normalizer.normalize_str, tokenizer.pre_tokenizer.pre_tokenize_str
    alphabet, tokens = set("".join(vocabulary)), set(vocabulary)
    classes = np.zeros(CODE_POINTS, np.uint8)
    spellings = {}
    for c in range(CODE_POINTS):
        if 0xD800 <= c < 0xE000:  # surrogates are in no valid UTF-8
            continue
        text = chr(c)
        parts = [p for p, _ in split(normalize("a" + text + "b"))]
        if parts == ["ab"]:
            classes[c] = DROPPED
        elif parts == ["a", "b"]:
            classes[c] = SPACE
        elif len(parts) == 1 and parts[0][0] == "a" and parts[0][-1] == "b":
            letters = parts[0][1:-1]
            if not all(x in alphabet for x in letters):
                classes[c] = UNKNOWN
            elif letters == text:
                classes[c] = LETTER
            else:
                classes[c], spellings[c] = SPELLED, letters
        elif len(parts) == 3 and parts[0] == "a" and parts[-1] == "b":
            if parts[1] not in tokens:
                classes[c] = ALONE_UNKNOWN
            elif parts[1] == text:
                classes[c] = ALONE
            else:
                classes[c], spellings[c] = ALONE_SPELLED, parts[1]
        else:
            raise SystemExit(f"character {c:#x}: the tokenizer makes {parts} of it, which this program does not know")
    return classes, spellings


def blocks_of(classes):
    """(block number of each 256 code points, the different blocks)."""
    rows = classes.reshape(-1, BLOCK)
    different, numbers = np.unique(rows, axis=0, return_inverse=True)
    return numbers.reshape(-1).astype("<u2"), different.astype(np.uint8)


def spelling_units(spellings):
    """Five units each: the code point's low and high half, then its letters, padded with zeros."""
    out = np.zeros((len(spellings), 5), "<u2")
    for i, c in enumerate(sorted(spellings)):
        letters = [ord(x) for x in spellings[c]]
        if len(letters) > 3 or max(letters) > 0xFFFF:
            raise SystemExit(f"character {c:#x}: {len(letters)} letters up to {max(letters):#x}, the format holds 3 up to 0xffff")
        out[i, :2] = c & 0xFFFF, c >> 16
        out[i, 2 : 2 + len(letters)] = letters
    return out
