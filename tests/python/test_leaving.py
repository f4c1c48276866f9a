"""Leaving: a program's directory, a `with` in the middle of a walk, and the interpreter with threads still at work."""

import os
import shutil

import pytest
from support import books_schema, doc, run_python, unit

from cocozvec import zvec

AT_WORK = """
import sys, threading
from cocozvec import zvec
schema = zvec.CollectionSchema("c", vectors=zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, 4))
books = zvec.create_and_open(sys.argv[1], schema)
books.insert([zvec.Doc(str(i), vectors={"v": [float(i)] * 4}) for i in range(1000)])
calls = {
    "query": lambda: books.query(zvec.Query("v", vector=[1.0] * 4)),
    "fetch": lambda: books.fetch(["1", "2"]),
    "upsert": lambda: books.upsert(zvec.Doc("1", vectors={"v": [1.0] * 4})),
    "iter_docs": lambda: list(books.iter_docs()),
}
def work(call, begun):
    while True:
        call()
        begun.set()
call = calls[sys.argv[2]]
begun = [threading.Event() for _ in range(6)]
for event in begun:
    threading.Thread(target=work, args=(call, event), daemon=True).start()
for event in begun:
    event.wait()
"""


# Guards: CPython ended a daemon thread that came back from the database by unwinding C++, which ended the process.
@pytest.mark.parametrize("call", ["query", "fetch", "upsert", "iter_docs"])
def test_the_interpreter_exits_while_daemon_threads_ask(path, call):
    done = run_python(AT_WORK, path, call)
    assert done.stderr == ""
    with zvec.open(path) as books:
        assert books.stats.doc_count == 1000


IN_A_GENERATOR = """
import sys, threading
from cocozvec import zvec
schema = zvec.CollectionSchema("c", zvec.FieldSchema("i", zvec.DataType.INT32, True), zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, 4))
books = zvec.create_and_open(sys.argv[1], schema)
begun = threading.Event()
def endless(value):
    while True:
        begun.set()
        yield value
calls = {
    "insert": lambda: books.insert(endless(zvec.Doc("a"))),
    "fetch": lambda: books.fetch(endless("a")),
    "delete": lambda: books.delete(endless("a")),
    "ids of a batch": lambda: books.insert_arrays(endless("a"), {}),
    "column of a batch": lambda: books.insert_arrays(["a"], {"v": [[1.0] * 4], "i": endless(1)}),
}
threading.Thread(target=calls[sys.argv[2]], daemon=True).start()
begun.wait()
"""


# Guards: the same where the thread ran Python code, a generator, that the database had asked for more.
@pytest.mark.parametrize("call", ["insert", "fetch", "delete", "ids of a batch", "column of a batch"])
def test_the_interpreter_exits_while_a_daemon_thread_feeds_a_call(path, call):
    assert run_python(IN_A_GENERATOR, path, call).stderr == ""


def test_a_child_of_fork_exits_while_the_parents_threads_ask(path):
    run_python(
        AT_WORK
        + """
import os
for _ in range(5):
    child = os.fork()
    if child == 0:
        raise SystemExit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
""",
        path,
        "query",
    )


# Guards: the exception of the body was hidden by "close all iterators first", and the lock was kept.
def test_leaving_a_with_closes_in_spite_of_an_iterator(path):
    with pytest.raises(KeyError, match="body"), zvec.create_and_open(path, books_schema()) as books:
        books.insert([doc(str(i), unit(0)) for i in range(200)])
        left = books.iter_docs()
        next(left)
        raise KeyError("body")
    with pytest.raises(zvec.CollectionClosedError):
        list(left)
    left.close()
    with pytest.raises(zvec.CollectionClosedError):
        books.fetch("0")
    with zvec.open(path) as again:
        assert again.stats.doc_count == 200
        walk = again.iter_docs()
        with pytest.raises(RuntimeError, match="iterators"):
            again.close()
        assert len(list(walk)) == 200


# Guards: what was opened by a relative path looked for its files in whatever directory the program was in by then.
def test_a_relative_path_stays_where_it_was_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    books = zvec.create_and_open("books", books_schema())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    books.insert([doc(str(i), unit(i % 4)) for i in range(300)])
    books.optimize()
    assert books.path == "books" and books.stats.index_completeness == {"v": 1.0}
    books.flush()
    books.close()
    assert os.listdir() == []
    monkeypatch.chdir(tmp_path)
    again = zvec.open("books")
    assert again.path == "books" and again.stats.doc_count == 300
    monkeypatch.chdir(tmp_path / "elsewhere")
    again.destroy()
    assert os.listdir(tmp_path) == ["elsewhere"]


def test_a_directory_that_is_gone_is_a_runtime_error(path, books):
    books.insert(doc("a", unit(0)))
    shutil.rmtree(path)
    with pytest.raises(RuntimeError, match="No such file"):
        books.optimize()
    assert list(books.fetch("a")) == ["a"]
