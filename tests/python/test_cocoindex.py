"""The published `cocoindex`, unchanged, indexes into our drop-in through its own zvec connector.

Every case runs on the drop-in, and on the peer's own module as a control where that can do it.
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
OURS, PEER = (os.environ.get(f"COCO_{name}") for name in ("OURS", "PEER"))


class Run:
    def __init__(self, python, folder):
        self.python, self.folder = python, folder
        self.environment = {**os.environ, "COCOINDEX_DISABLE_USAGE_TRACKING": "1", "RUST_LOG": "error"}
        self.plan = {}

    def start(self, command):
        return subprocess.Popen(
            [self.python, str(HERE / "coco_program.py"), command, str(self.folder)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment, cwd=self.folder,
        )  # fmt: skip

    def call(self, command):
        process = self.start(command)
        out, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        return json.loads(out.strip().splitlines()[-1])

    def write_plan(self):
        collections = {name: {"wide": False, **what} for name, what in self.plan.items()}
        (self.folder / "plan.json").write_text(json.dumps({"collections": collections}))

    def update(self):
        self.write_plan()
        return self.call("update")

    def expected(self):
        return {
            name: {
                id: [text, number, [float(number), float(len(text)), 1.0, 0.0], text.upper() if what.get("wide") else None]
                for id, (text, number) in what["rows"].items()
            }
            for name, what in self.plan.items()
        }

    def check(self):
        assert self.rounded(self.call("dump")) == self.expected()

    @staticmethod
    def rounded(stored):
        """The peer gives back cosine vectors that differ in the last bits."""
        return {
            name: {id: [a, b, [round(x, 3) for x in v], d] for id, (a, b, v, d) in rows.items()}
            for name, rows in stored.items()
        }


@pytest.fixture(params=["ours", "peer"])
def run(request, tmp_path):
    python = {"ours": OURS, "peer": PEER}[request.param]
    if python is None:
        pytest.skip("no environment for it: environment.py cocoindex makes both")
    return Run(python, tmp_path)


def rows(count, start=0):
    return {f"row {i}": [f"text {i}", i] for i in range(start, start + count)}


def test_rows_are_indexed_and_an_unchanged_run_writes_nothing(run):
    run.plan = {"docs": {"rows": rows(20)}}
    assert run.update() == {"upsert": 20, "delete": 0, "executed": 0}
    run.check()
    assert run.update() == {"upsert": 0, "delete": 0, "executed": 0}
    run.check()


def test_only_what_changed_is_written_and_what_is_gone_is_deleted(run):
    run.plan = {"docs": {"rows": rows(20)}}
    run.update()
    run.plan["docs"]["rows"]["row 3"] = ["changed", 3]
    del run.plan["docs"]["rows"]["row 4"]
    run.plan["docs"]["rows"]["row 20"] = ["new", 20]
    assert run.update() == {"upsert": 2, "delete": 1, "executed": 0}
    run.check()


def test_a_collection_that_is_declared_no_more_is_dropped(run):
    run.plan = {"docs": {"rows": rows(3)}, "other": {"rows": rows(2)}}
    run.update()
    run.check()
    del run.plan["other"]
    run.update()
    run.check()
    assert not (run.folder / "db" / "other").exists()


def test_a_changed_schema_makes_the_collection_anew(run):
    run.plan = {"docs": {"rows": rows(5)}}
    run.update()
    run.plan["docs"]["wide"] = True
    assert run.update()["upsert"] == 5
    run.check()


def test_a_thousand_rows_in_one_component(run):
    run.plan = {"docs": {"rows": rows(1000)}}
    assert run.update()["upsert"] == 1000
    run.check()


def test_ids_with_slashes(run):
    run.plan = {"docs": {"rows": {"docs/a b.md": ["one", 1], "/": ["two", 2], "docs/sub/c.md": ["three", 3]}}}
    run.update()
    run.check()


def test_the_example_of_the_page_runs_only_what_changed(run):
    """A memoised component for each file."""
    run.plan = {"docs": {"each": True, "rows": rows(12)}}
    assert run.update() == {"upsert": 12, "delete": 0, "executed": 12}
    run.check()
    assert run.update() == {"upsert": 0, "delete": 0, "executed": 0}
    run.plan["docs"]["rows"]["row 5"] = ["changed", 5]
    del run.plan["docs"]["rows"]["row 6"]
    assert run.update() == {"upsert": 1, "delete": 1, "executed": 1}
    run.check()


def test_a_program_killed_at_random_and_run_again_ends_right(tmp_path):
    """Thirty kills while rows change and appear. Ours only: the peer loses documents when it is killed in a flush."""
    if OURS is None:
        pytest.skip("no environment for it: environment.py cocoindex makes it")
    seed = int(os.environ.get("KILL_SEED", random.randrange(2**31)))
    print("KILL_SEED", seed)
    dice = random.Random(seed)
    run = Run(OURS, tmp_path)
    run.plan = {"docs": {"rows": rows(50)}}
    run.write_plan()
    killed = 0
    run.update()
    began = time.monotonic()
    run.update()
    longest = time.monotonic() - began  # with the imports: more than any update below takes
    for turn in range(30):
        documents = run.plan["docs"]["rows"]
        for _ in range(10):
            documents[f"row {dice.randrange(60)}"] = [f"turn {turn} {dice.random()}", dice.randrange(100)]
        run.write_plan()
        process = run.start("update")
        assert process.stdout.readline() == "begin\n", process.stderr.read()
        try:
            process.wait(timeout=dice.uniform(0, longest / 3))
        except subprocess.TimeoutExpired:
            process.kill()
            killed += 1
        process.communicate()
    run.update()
    run.check()
    assert killed > 0


def test_the_example_says_which_package_is_used():
    if OURS is None:
        pytest.skip("no environment for it: environment.py cocoindex makes it")
    code = (
        "import zvec, zvec.model.param.query as q, cocozvec.zvec as real; from zvec.typing import DataType;"
        "assert zvec is real and q.Query is real.Query and DataType is real.DataType; print(zvec.__version__)"
    )
    done = subprocess.run([OURS, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "0.1.0"


def test_the_drop_in_has_a_stub_of_every_module():
    if OURS is None:
        pytest.skip("no environment for it: environment.py cocoindex makes it")
    code = """
import pathlib, sys
place = next(pathlib.Path(p) / "zvec" for p in sys.path if (pathlib.Path(p) / "zvec" / "py.typed").exists())
import zvec
for module in sorted(name for name in sys.modules if name.startswith("zvec.") and name not in ("zvec._core", "zvec.extension._later")):
    stub = place.joinpath(*module.split(".")[1:])
    assert stub.with_suffix(".pyi").exists() or (stub / "__init__.pyi").exists(), module
"""
    done = subprocess.run([OURS, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_drop_in_beside_the_peers_distribution_says_so(tmp_path):
    if OURS is None:
        pytest.skip("no environment for it: environment.py cocoindex makes it")
    info = tmp_path / "zvec-0.8.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zvec\nVersion: 0.8.0\n")
    done = subprocess.run(
        [OURS, "-c", "import zvec"], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(tmp_path)}
    )
    assert "zvec 0.8.0 is installed beside cocozvec-dropin; 'import zvec' gives cocozvec 0.1.0" in done.stderr


if __name__ == "__main__":
    sys.exit(pytest.main([__file__]))
