#!/usr/bin/env python3
"""Compares the text forms with those of this very Python, byte for byte.

    cpython_test.py TEXT_TOOL [--scale F]

Values are chosen by a fixed seed; text_tool (text_tool.cc) writes them in C++, and reads back what it wrote. A line
that differs is shown with its value. 370,000 values at scale 1.
"""

import argparse
import base64
import datetime as dt
import decimal
import json
import random
import struct
import subprocess
import sys
import uuid

MICRO = dt.timedelta(microseconds=1)
EPOCH = dt.datetime(1970, 1, 1)
DAY = 86_400_000_000
random_ = random.Random(20261123)
pick = random_.choice


def hexed(data):
    return data.hex() or "-"


def rounded(micros):
    """Whole seconds and whole minutes have shorter forms."""
    unit = pick((1, 1_000, 1_000_000, 60_000_000))
    return (abs(micros) // unit * unit) * (1 if micros >= 0 else -1)


def a_float():
    kind = random_.randrange(8)
    if kind == 0:
        return struct.unpack("<d", random_.randbytes(8))[0]
    if kind == 1:  # subnormal
        return struct.unpack("<d", struct.pack("<Q", random_.getrandbits(52) >> random_.randrange(52)))[0]
    if kind == 2:
        return float(random_.randrange(-(10**18), 10**18))
    if kind == 3:
        return random_.randrange(-(10**6), 10**6) / 10 ** random_.randrange(8)
    if kind == 4:
        return float(f"{pick(('', '-'))}{random_.randrange(1, 100)}e{random_.randrange(-330, 310)}")
    if kind == 5:
        return pick((0.0, -0.0, float("nan"), float("inf"), float("-inf"), 5e-324, 1.7976931348623157e308, 1e16, 1e-5, 9999999999999998.0))
    if kind == 6:  # what a 32-bit float becomes
        return struct.unpack("<f", random_.randbytes(4))[0]
    return random_.uniform(-1, 1)


def a_string():
    ranges = ((0x20, 0x7E), (0, 0x1F), (0x7F, 0x9F), (0xA0, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF), (0x2028, 0x2029))
    special = '"\\/\b\f\n\r\t\x7f\ufeff\ufffe\U0001f600'
    out = []
    for _ in range(random_.randrange(12)):
        if random_.random() < 0.2:
            out.append(pick(special))
        else:
            low, high = pick(ranges)
            out.append(chr(random_.randint(low, high)))
    return "".join(out)


def some_bytes():
    if random_.random() < 0.3:
        return bytes(random_.choices(b"'\"\\\n\r\tab\x00\x7f\xff", k=random_.randrange(8)))
    return random_.randbytes(random_.randrange(24))


def a_decimal():
    """The text that both sides are given."""
    sign = pick(("", "-", "+"))
    kind = random_.randrange(12)
    if kind == 0:
        return sign + pick(("inf", "Infinity", "nan", "NaN", "sNaN")) + ""
    if kind == 1:
        return sign + pick(("nan", "snan")) + str(random_.randrange(1000)).zfill(random_.randrange(5))
    digits = str(random_.getrandbits(random_.randrange(1, 140))).zfill(random_.randrange(12))
    if kind == 2:
        digits = "0" * random_.randrange(1, 5)
    if random_.random() < 0.7:
        at = random_.randrange(len(digits) + 1)
        digits = digits[:at] + "." + digits[at:]
    if random_.random() < 0.5:
        digits += pick("eE") + pick(("", "+", "-")) + str(random_.randrange(pick((5, 12, 400, 10**17))))
    return sign + digits


def a_moment():
    return EPOCH + rounded(random_.randrange(-719162 * DAY, 2932897 * DAY)) * MICRO


def an_offset():
    return rounded(random_.randrange(-DAY + 1, DAY)) * MICRO


def a_time():
    v = (EPOCH + rounded(random_.randrange(DAY)) * MICRO).time()
    return v.replace(tzinfo=dt.timezone(an_offset())) if random_.random() < 0.5 else v


def a_span():
    size = pick((10**3, 10**7, 4 * 10**9, 10**12, 10**15, 2**63 - 1))
    return max(rounded(random_.randint(-size, size)), -(2**63)) * MICRO


def micros(v):
    return (v.replace(tzinfo=None) - EPOCH) // MICRO


def time_words(v):
    since = dt.datetime.combine(EPOCH.date(), v.replace(tzinfo=None))
    return f"{micros(since)} {'none' if v.tzinfo is None else v.utcoffset() // MICRO}"


def aware(v):
    return v.replace(tzinfo=dt.timezone(an_offset()))


def tree(depth=0):
    """A value, and how text_tool is told."""
    kind = random_.randrange(14 if depth > 3 else 18)
    if kind == 0:
        return None, "n"
    if kind == 1:
        v = random_.random() < 0.5
        return v, f"b {int(v)}"
    if kind == 2:
        v = random_.randrange(-(2**63), 2**63) >> random_.randrange(64)
        return v, f"i {v}"
    if kind == 3:
        v = random_.getrandbits(120) - 2**119
        return v, f"I {v}"
    if kind == 4:
        v = a_float()
        return v, "f " + str(struct.unpack("<Q", struct.pack("<d", v))[0])
    if kind in (5, 6):
        v = a_string()
        return v, "s " + hexed(v.encode())
    if kind == 7:
        v = some_bytes()
        return v, "x " + hexed(v)
    if kind == 8:
        v = uuid.UUID(bytes=random_.randbytes(16))
        return v, "u " + v.bytes.hex()
    if kind == 9:
        text = a_decimal()
        return decimal.Decimal(text), "d " + text
    if kind == 10:
        v = a_moment().date()
        return v, f"D {(v - EPOCH.date()).days}"
    if kind == 11:
        v = a_time()
        return v, "t " + time_words(v)
    if kind == 12:
        v = a_moment()
        if random_.random() < 0.5:
            return v, f"l {micros(v)}"
        v = aware(v)
        return v, f"o {micros(v)} {v.utcoffset() // MICRO}"
    if kind == 13:
        v = a_span()
        return v, f"p {v // MICRO}"
    parts = [tree(depth + 1) for _ in range(random_.randrange(5))]
    if kind < 16:
        return [v for v, _ in parts], " ".join([f"[ {len(parts)}"] + [w for _, w in parts])
    members = {a_string(): part for part in parts}
    words = [f"{{ {len(members)}"] + [hexed(name.encode()) + " " + w for name, (_, w) in members.items()]
    return {name: v for name, (v, _) in members.items()}, " ".join(words)


def cases(scale):
    def times(n):
        return range(int(n * scale))

    for _ in times(60_000):
        v = a_float()
        yield "float " + str(struct.unpack("<Q", struct.pack("<d", v))[0]), json.dumps(v)
    for _ in times(20_000):
        v = random_.randrange(-(2**63), 2**63) >> random_.randrange(64)
        yield f"int {v}", json.dumps(v)
    for _ in times(40_000):
        v = a_string()
        yield "string " + hexed(v.encode()), json.dumps(v)
    for _ in times(10_000):
        v = some_bytes()
        yield "base64 " + hexed(v), base64.b64encode(v).decode()
        yield "bytes " + hexed(v), str(v)
    for _ in times(5_000):
        v = uuid.UUID(bytes=random_.randbytes(16))
        yield "uuid " + v.bytes.hex(), str(v)
    for _ in times(40_000):
        text = a_decimal()
        yield "decimal " + text, str(decimal.Decimal(text))
    for _ in times(15_000):
        v = a_moment()
        yield f"date {(v.date() - EPOCH.date()).days}", v.date().isoformat()
        yield f"naive {micros(v)}", v.isoformat()
        yield f"naive_str {micros(v)}", str(v)
        yield f"utc {micros(v)}", v.replace(tzinfo=dt.timezone.utc).isoformat()
        v = aware(v)
        yield f"aware {micros(v)} {v.utcoffset() // MICRO}", v.isoformat()
        yield f"aware_str {micros(v)} {v.utcoffset() // MICRO}", str(v)
    for _ in times(25_000):
        v = a_time()
        yield "time " + time_words(v), v.isoformat()
    for _ in times(25_000):
        v = a_span()
        yield f"seconds {v // MICRO}", repr(v.total_seconds())
        yield f"span {v // MICRO}", str(v)
    for _ in times(20_000):
        v, words = tree()
        yield "json " + words, json.dumps(v, default=str)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("text_tool")
    parser.add_argument("--scale", type=float, default=1.0)
    args = parser.parse_args()
    given, expected = zip(*cases(args.scale))
    tool = subprocess.run([args.text_tool], input="\n".join(given) + "\n", capture_output=True, text=True, encoding="ascii")
    if tool.returncode != 0:
        sys.exit(f"{args.text_tool} ended with {tool.returncode}: {tool.stderr.strip()}")
    got = tool.stdout.split("\n")[:-1]
    if len(got) != len(given):
        sys.exit(f"{len(given)} values given, {len(got)} answers")
    wrong = [i for i in range(len(given)) if got[i] != expected[i]]
    for i in wrong[:20]:
        print(f"{given[i]}\n  python  {expected[i]}\n  c++     {got[i]}")
    python = sys.version.split()[0]
    print(f"{len(given):,} values compared with CPython {python}, {len(wrong)} differ")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
