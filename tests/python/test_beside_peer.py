"""The drop-in beside the peer's own package: native names answer the same, data moves over as docs/python.md says.

Run by `environment.py cocoindex`, which makes an environment for each.
"""

import json
import os
import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
OURS, PEER = (os.environ.get(f"COCO_{name}") for name in ("OURS", "PEER"))
pytestmark = pytest.mark.skipif(not (OURS and PEER), reason="no environments: environment.py cocoindex makes both")


def run(python, folder, *command, fails=False):
    done = subprocess.run([python, *map(str, command)], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else done.stdout


def test_native_names_answer_as_the_peers(tmp_path):
    answers = []
    for name, python in (("ours", OURS), ("peer", PEER)):
        (tmp_path / name).mkdir()
        lines = run(python, tmp_path, HERE / "native_program.py", tmp_path / name).strip().splitlines()
        answers.append(json.loads(lines[-1]))
    ours, peer = answers
    assert {name: (ours.get(name), peer[name]) for name in peer if ours.get(name) != peer[name]} == {}
    assert len(peer) == len(ours) > 100


SCHEMA = """
T = zvec.DataType
schema = zvec.CollectionSchema(
    "old",
    [zvec.FieldSchema("title", T.STRING, True), zvec.FieldSchema("tags", T.ARRAY_STRING, True), zvec.FieldSchema("big", T.UINT64)],
    [zvec.VectorSchema("v", T.VECTOR_FP32, 4, zvec.HnswIndexParam(zvec.MetricType.L2)),
     zvec.VectorSchema("h", T.VECTOR_FP16, 2), zvec.VectorSchema("b", T.VECTOR_INT8, 2),
     zvec.VectorSchema("s", T.SPARSE_VECTOR_FP32)],
)
"""
FILL = """
old = zvec.create_and_open("old", schema)
docs = [zvec.Doc(f"doc/{i}", vectors={"v": [i, 0.1, 2, 3], "h": [0.1, i], "b": [i % 100, -1], "s": {i: 0.5, 7: 1}},
                 fields={"title": None if i % 3 == 0 else f"Straße {i}", "tags": ["a", ""][: i % 3], "big": 2**64 - 1 - i})
        for i in range(1500)]
for first in (0, 1000):
    old.insert(docs[first:first + 1000])
old.delete("doc/3")
old.optimize()
old.close()
"""
DUMP = """
import json, sys
c = zvec.open(sys.argv[1], zvec.CollectionOption(read_only=True))
print(json.dumps({d.id: [d.fields, d.vectors] for d in c.iter_docs()}, sort_keys=True))
"""


def test_data_moves_over_as_the_guide_says(tmp_path):
    guide = (HERE.parent.parent / "docs" / "python.md").read_text()
    programs = dict(re.findall(r"```python\n# (\w+\.py),[^\n]*\n(.*?)```", guide, re.DOTALL))
    (tmp_path / "fill.py").write_text("import zvec\n" + SCHEMA + FILL)
    (tmp_path / "dump.py").write_text("import zvec\n" + DUMP)
    (tmp_path / "export.py").write_text(programs["export.py"])
    importer = programs["import.py"].replace("from cocozvec import zvec\n", "from cocozvec import zvec\n" + SCHEMA)
    (tmp_path / "import.py").write_text(importer)
    run(PEER, tmp_path, "fill.py")
    run(PEER, tmp_path, "export.py")
    assert "Moving the data over" in run(OURS, tmp_path, "dump.py", "old", fails=True)
    run(OURS, tmp_path, "import.py")
    old, new = (json.loads(run(python, tmp_path, "dump.py", path).splitlines()[-1]) for python, path in ((PEER, "old"), (OURS, "new")))
    assert len(old) == 1499 and new == old
