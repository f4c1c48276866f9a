#!/usr/bin/env python3
"""Compiles one case of refusals.cc, which must fail, and compares the compiler's first error with the sentence for it.

    refusals.py COMPILER INCLUDE_DIR CASE

Guards: a mistake in a record type that ends in pages of template errors, or in none. The case `none` must compile:
without it a broken header would look like a refusal.
"""

import os
import re
import subprocess
import sys

# Regular expressions, for what the compiler words itself.
SENTENCES = {
    "none": None,
    "pending_target": r"cocoindex: this target is pending: use mount_collection_target\(\) or return it from a component mounted with use_mount\(\)",
    "row_of_another_type": r"cannot convert .Other. to .const .*Doc&|no viable conversion from .Other. to .const .*Doc",
    "byte_list": r"cocoindex: a list of bytes is ambiguous: use coco::Bytes for bytes or a wider integer for numbers",
    "nested_byte_list": r"cocoindex: a list of bytes is ambiguous",
    "character": r"cocoindex: a character type is ambiguous between text and number",
    "private_members": r"cocoindex: a field's type must be an aggregate or listed with COCO_DESCRIBE",
    "pointer": r"cocoindex: a field's type must be an aggregate or listed with COCO_DESCRIBE",
    "enumeration": r"cocoindex: an enumeration needs an encoder",
    "nested_enumeration": r"cocoindex: an enumeration needs an encoder",
    "map_key": r"cocoindex: the keys of a map must be text, bool or numbers",
    "record_with_base": r"cocoindex: a record type must be an aggregate without base classes and private members, or listed with COCO_DESCRIBE",
    "record_with_private_members": r"cocoindex: a record type must be an aggregate without base classes and private members",
    "encoder_for_another_type": r"cocoindex: this encoder does not take the field's type",
    "encoder_without_a_column": r"cocoindex: an encoder must return a type of the type table",
    "long_annotation": r"cocoindex: annotation text is too long",
    "sparse_on_a_list": r"cocoindex: ZvecVectorDef\{\.sparse = true\} stands on a field that is no map from an integer to a number",
    "vector_schema_on_text": r"cocoindex: a vector schema stands on a field that is no list of float, double or coco::half",
    "key_without_vector_schema": r"cocoindex: the value behind this ContextKey has no vector_schema\(\)",
    "override_of_another_kind": r"cocoindex: an override is a ZvecType, ZvecVectorDef, ZvecFtsType, encoder or vector schema",
}


def main():
    compiler, include, case = sys.argv[1:]
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "refusals.cc")
    command = [compiler, "-std=c++20", "-fsyntax-only", f"-DCASE_{case}", f"-I{include}", source]
    result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    first = next((line for line in result.stderr.splitlines() if "error:" in line), "no error")
    sentence = SENTENCES[case]
    if sentence is None:
        good = result.returncode == 0
    else:
        good = result.returncode != 0 and re.search(sentence, first) is not None
    print(f"{case}, {len(result.stderr.splitlines())} lines of output, the first error:\n{first}")
    if not good:
        print(f"expected: {sentence}\n{result.stderr[:4000]}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
