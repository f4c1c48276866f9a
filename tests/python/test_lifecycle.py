"""Opening, closing, locks, signals, forks, threads, and the inputs that kill the process of the peer."""

import gc
import os
import shutil
import signal
import sys
import threading
import time

import numpy as np
import pytest
from support import DIM, M, T, books_schema, doc, run_python, start_python, unit

from cocozvec import zvec

RELAXED = zvec.CollectionOption(durability="relaxed")
PRELUDE = """
import sys, os
from cocozvec import zvec
D = 4
def make(path, **kw):
    s = zvec.CollectionSchema("c", [zvec.FieldSchema("i", zvec.DataType.INT32, True)],
                              [zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, D)])
    return zvec.create_and_open(path, s, zvec.CollectionOption(**kw))
def docs(n, start=0):
    return [zvec.Doc(str(i), vectors={"v": [1.0] * D}, fields={"i": i}) for i in range(start, start + n)]
path = sys.argv[1]
"""

BAD_CREATES = [
    (lambda p, s: zvec.create_and_open("", s), ValueError),
    (lambda p, s: zvec.create_and_open(None, s), TypeError),
    (lambda p, s: zvec.create_and_open(__import__("pathlib").Path(p), s), TypeError),
    (lambda p, s: zvec.create_and_open(p, None), TypeError),
    (lambda p, s: zvec.create_and_open(p, "schema"), TypeError),
    (lambda p, s: zvec.create_and_open(p, s, "option"), TypeError),
    (lambda p, s: zvec.create_and_open(p, s, zvec.CollectionOption(read_only=True)), ValueError),
    (lambda p, s: zvec.open(""), ValueError),
    (lambda p, s: zvec.open(p), ValueError),
    (lambda p, s: zvec.open(None), TypeError),
    (lambda p, s: zvec.open(p, None), TypeError),
    (lambda p, s: zvec.open(os.path.dirname(p)), RuntimeError),
    (lambda p, s: zvec.open(__file__), RuntimeError),
]


@pytest.mark.parametrize(("call", "error"), BAD_CREATES)
def test_bad_arguments_of_create_and_open(path, call, error):
    with pytest.raises(error):
        call(path, books_schema())
    assert not os.path.exists(path)


def test_a_falsy_option_means_the_default(path):
    zvec.create_and_open(path, books_schema(), {}).close()


def test_whatever_exists_is_not_overwritten(path, books):
    for taken in (path, __file__, os.path.dirname(path)):
        with pytest.raises(ValueError, match="exists"):
            zvec.create_and_open(taken, books_schema())


def test_the_path_is_reported_as_given(path):
    with zvec.create_and_open(path + "/", books_schema()) as books:
        assert books.path == path + "/"


def test_one_writer_and_any_number_of_readers(path, books):
    books.insert(doc("a"))
    with pytest.raises(RuntimeError):
        zvec.open(path)
    read_only = zvec.CollectionOption(read_only=True)
    with zvec.open(path, read_only) as one, zvec.open(path, read_only) as two:
        assert list(one.fetch("a")) == list(two.fetch("a")) == ["a"]


def test_a_read_only_handle_refuses_every_change(path, books):
    books.insert(doc("a"))
    books.close()
    with zvec.open(path, zvec.CollectionOption(read_only=True)) as reader:
        calls = [
            lambda: reader.insert(doc("b")), lambda: reader.insert([]), lambda: reader.upsert(doc("b")),
            lambda: reader.update(doc("a")), lambda: reader.delete("a"), lambda: reader.delete([]),
            lambda: reader.delete_by_filter("year = 1"), reader.flush, reader.optimize, reader.destroy,
            lambda: reader.drop_index("year"), lambda: reader.upsert_arrays([], {}),
        ]  # fmt: skip
        for call in calls:
            with pytest.raises(ValueError, match="read-only"):
                call()
        assert reader.option.read_only and list(reader.fetch("a")) == ["a"]


def every_call(c):
    query = zvec.Query("v", vector=unit(0))
    return [
        lambda: c.insert(doc("a")), lambda: c.upsert([doc("a")]), lambda: c.update(doc("a")), lambda: c.delete("a"),
        lambda: c.delete_by_filter("year = 1"), lambda: c.fetch("a"), lambda: c.query(query), lambda: c.query(),
        lambda: c.iter_docs(), c.flush, c.optimize, lambda: c.stats, lambda: c.option, lambda: c.upsert_arrays(["a"], {}),
        lambda: c.path, lambda: c.drop_index("v"),
    ]  # fmt: skip


def test_after_close_every_call_is_an_attribute_error_and_a_value_error(books):
    books.close()
    books.close()
    for call in every_call(books):
        with pytest.raises(zvec.CollectionClosedError) as error:
            call()
        assert isinstance(error.value, AttributeError) and isinstance(error.value, ValueError)


def test_after_destroy_every_call_is_a_value_error(books, path):
    books.destroy()
    assert not os.path.exists(path)
    for call in [*every_call(books), books.destroy, books.close]:
        with pytest.raises(ValueError, match="destroyed"):
            call()
    assert books.schema.name == "books"


def test_an_open_iterator_keeps_the_collection_from_closing(books):
    books.insert([doc("a"), doc("b")])
    iterator = books.iter_docs()
    next(iterator)
    for call in (books.close, books.destroy):
        with pytest.raises(RuntimeError, match="iterators are open"):
            call()
    books.insert(doc("c"))
    books.optimize()
    with iterator:
        pass
    books.close()


def test_collecting_the_last_reference_gives_the_lock_back(path):
    books = zvec.create_and_open(path, books_schema())
    iterator = books.iter_docs()
    del books, iterator
    gc.collect()
    zvec.open(path).close()


def test_what_was_read_outlives_the_collection(books):
    books.insert([doc(str(i), unit(i), year=i) for i in range(DIM)])
    found, fetched = books.query(zvec.Query("v", vector=unit(2)), include_vector=True), books.fetch(["1"])
    books.destroy()
    del books
    gc.collect()
    assert (found[0].id, found[0].fields, found[0].vectors) == ("2", {"year": 2}, {"v": unit(2)})
    assert fetched["1"].vectors == {"v": unit(1)}


@pytest.mark.parametrize("part", ["fields", "vectors", "id", "score"])
@pytest.mark.parametrize("found", [False, True])
def test_documents_in_a_cycle_are_collected(books, found, part):
    """A document from the database is watched by the collector only once it may hold something."""

    class Mark:
        alive = 0

        def __init__(self):
            Mark.alive += 1

        def __del__(self):
            Mark.alive -= 1

    books.insert(doc("a", year=1))
    made = books.query()[0] if found else zvec.Doc("a")
    if part in ("fields", "vectors"):
        getattr(made, part).update(mark=Mark(), itself=made)
    else:
        setattr(made, part, [Mark(), made])
    del made
    gc.collect()
    assert Mark.alive == 0


def test_the_interpreters_exit_writes_and_unlocks(path):
    code = PRELUDE + "c = make(path, durability='relaxed'); c.insert(docs(100)); it = c.iter_docs(); next(it)"
    done = run_python(code, path)
    assert done.stderr == "" and done.stdout == ""
    with zvec.open(path) as again:
        assert again.stats.doc_count == 100


def test_a_killed_writer_loses_nothing_that_returned(path):
    process = start_python(PRELUDE + "c = make(path); c.insert(docs(500)); print('ready'); sys.stdin.read()", path)
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.communicate()
    with zvec.open(path) as again:
        assert again.stats.doc_count == 500


LONG = """
import signal, threading, time
c = make(path, durability="relaxed")
batches = [docs(20000, n * 20000) for n in range(8)]
threading.Timer(0.05, lambda: (print("sent", flush=True), os.kill(os.getpid(), signal.SIGINT))).start()
try:
    for batch in batches:
        c.insert(batch)
        c.optimize()
    print("not interrupted")
except KeyboardInterrupt:
    print("interrupted")
counted = c.stats.doc_count
c.close()
c = zvec.open(path)
print(c.stats.doc_count % 20000, sum(1 for _ in c.iter_docs()) == c.stats.doc_count, c.insert(docs(1, 10**6))[0].ok())
"""


def test_ctrl_c_in_a_long_call_is_heard_and_the_collection_is_whole(path):
    lines = run_python(PRELUDE + LONG, path, timeout=120).stdout.splitlines()
    assert lines == ["sent", "interrupted", "0 True True"]


def test_ctrl_c_does_not_wait_for_the_end_of_a_long_call(path):
    """The call that is left goes on by itself: the exception is there before its work is done."""
    code = PRELUDE + """
import signal, threading
c = make(path, durability="relaxed")
big = docs(100000)
main = threading.main_thread().ident
def interrupt():
    while sys._current_frames()[main].f_code.co_name != "_write":
        pass
    os.kill(os.getpid(), signal.SIGINT)
sys.setswitchinterval(0.0005)
from cocozvec.zvec.model import collection as module
thread = threading.Thread(target=interrupt)
thread.start()
try:
    c.insert(big)
    print("not interrupted")
except KeyboardInterrupt:
    print("interrupted with", c.stats.doc_count in (0, 100000))
c.close()
print(zvec.open(path).stats.doc_count in (0, 100000))
"""
    assert run_python(code, path, timeout=120).stdout.splitlines() == ["interrupted with True", "True"]


FORK = """
c = make(path)
c.insert(docs(10))
it = c.iter_docs()
pid = os.fork()
if pid == 0:
    answers = []
    for call in (lambda: c.insert(docs(1, 50)), lambda: c.fetch("1"), lambda: c.stats, c.flush, lambda: zvec.open(path),
                 lambda: next(it)):
        try:
            call()
            answers.append("no error")
        except RuntimeError as error:
            answers.append("forked" if "before this process was forked" in str(error) else "locked")
    other = make(path + "-child")
    other.insert(docs(3))
    del c, it
    other.close()
    print(answers, flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
it.close()
print(c.insert(docs(5, 10))[0].ok(), c.stats.doc_count)
c.close()
print(zvec.open(path).stats.doc_count, zvec.open(path + "-child").stats.doc_count)
"""


def test_a_forked_child_gets_an_error_and_the_parent_goes_on(path):
    lines = run_python(PRELUDE + FORK, path).stdout.splitlines()
    assert lines == [str(["forked", "forked", "forked", "forked", "locked", "forked"]), "True 15", "15 3"]


HANDLER_FORKS = """
import signal
c = make(path, durability="relaxed")
children = []
def fork(signal_number, frame):
    if frame.f_code.co_name != "_write" or "count" in frame.f_locals:
        return  # not inside the call, or after it
    signal.setitimer(signal.ITIMER_REAL, 0)
    pid = os.fork()
    if pid == 0:
        children.append(0)
        if sys.argv[2] == "exits":
            sys.exit(7)  # through the call that the signal found, to the end of the interpreter
        return
    children.append(pid)
signal.signal(signal.SIGALRM, fork)
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
turns = 0
while not children:
    batch = docs(100000, turns * 100000)
    try:
        c.insert(batch)
    except RuntimeError as error:
        assert "forked" in str(error) and children == [0]
        sys.exit(7)
    turns += 1
print(os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]), c.stats.doc_count == turns * 100000)
c.close()
"""


@pytest.mark.parametrize("child", ["exits", "goes on"])
def test_a_child_forked_inside_a_call_does_not_wait_for_the_parents_work(path, child):
    assert run_python(PRELUDE + HANDLER_FORKS, path, child).stdout.splitlines() == ["7 True"]


def test_a_document_that_was_never_made_is_refused_and_collected(books):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nanobind says that its constructor was not called
        for call in (lambda d: d.id, lambda d: d.fields, books.insert, lambda d: books.insert([d])):
            with pytest.raises(TypeError):
                call(zvec.Doc.__new__(zvec.Doc))
    from cocozvec.zvec._zvec import _Doc

    made = _Doc.__new__(_Doc)
    made._kinds = {"self": made}
    del made
    assert gc.collect() >= 1


def test_a_child_that_ends_normally_does_not_touch_the_parents_collection(path):
    code = PRELUDE + """
import multiprocessing
def work(n):
    return n * n
c = make(path)
c.insert(docs(10))
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(sum(pool.map(work, range(5))))
c.insert(docs(10, 10))
c.close()
print(zvec.open(path).stats.doc_count)
"""
    assert run_python(code, path).stdout.splitlines() == ["30", "20"]


def test_threads_write_and_read_one_handle(books):
    failures = []

    def work(n):
        try:
            for i in range(50):
                assert books.upsert(doc(f"{n}-{i}", unit(i % DIM), year=i)).ok()
                assert len(books.query(zvec.Query("v", vector=unit(0)), topk=1)) == 1
                assert list(books.fetch(f"{n}-{i}")) == [f"{n}-{i}"]
                sum(1 for _ in books.iter_docs())
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and books.stats.doc_count == 200


def test_closing_while_others_ask_ends_in_answers_or_the_closed_error(path):
    for _ in range(5):
        books = zvec.create_and_open(path, books_schema(), RELAXED)
        books.insert([doc(str(i), unit(i % DIM)) for i in range(500)])
        odd, started = [], threading.Barrier(3)

        def ask():
            started.wait()
            try:
                while True:
                    assert len(books.query(zvec.Query("v", vector=unit(0)))) == 10
            except zvec.CollectionClosedError:
                pass
            except BaseException as error:  # noqa: BLE001
                odd.append(error)

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        started.wait()
        books.close()
        for thread in threads:
            thread.join()
        assert odd == []
        shutil.rmtree(path)


def test_other_threads_run_while_the_database_works(path):
    """The interpreter lock is free during a call: another thread counts while this one is inside optimize."""
    with zvec.create_and_open(path, books_schema(), RELAXED) as books:
        books.upsert_arrays([str(i) for i in range(50_000)], {"v": np.ones((50_000, DIM), dtype=np.float32)})
        counted, stop = [0], threading.Event()

        def count():
            while not stop.is_set():
                counted[0] += 1
                if counted[0] % 100 == 0:
                    time.sleep(0)  # gives the lock up, so that the end of the call is not kept waiting

        thread = threading.Thread(target=count)
        sys.setswitchinterval(10)  # the lock changes hands only where a call gives it up
        try:
            thread.start()
            before = counted[0]
            books.optimize()
            during = counted[0] - before
        finally:
            sys.setswitchinterval(0.005)
            stop.set()
            thread.join()
    assert during > 100


def test_a_collection_of_the_peer_is_named_as_such(tmp_path):
    (tmp_path / "theirs" / "idmap.0").mkdir(parents=True)
    for name in ("LOCK", "manifest.3", "del.0"):
        (tmp_path / "theirs" / name).touch()
    with pytest.raises(RuntimeError, match="format of the zvec package.*Moving the data over"):
        zvec.open(str(tmp_path / "theirs"))


def test_a_collection_does_not_pickle(books):
    import pickle

    with pytest.raises(TypeError, match="open its path"):
        pickle.dumps(books)


# What ends the peer's process today.


@pytest.mark.parametrize("names", ["a", 5, [None], [1], b"a"], ids=str)
def test_killer_output_fields_of_an_iterator(books, names):
    with pytest.raises(TypeError):
        books.iter_docs(output_fields=names)


def test_killer_thirty_thousand_parentheses(books):
    text = "(" * 30_000 + "year = 1" + ")" * 30_000
    for call in (lambda: books.query(filter=text), lambda: books.delete_by_filter(text)):
        with pytest.raises(ValueError):
            call()


def test_killer_sixteen_thousand_inequalities(books):
    books.insert([doc("a", year=1), doc("b", year=-1)])
    text = " and ".join(f"year != {i}" for i in range(16_000))
    assert [d.id for d in books.query(filter=text)] == ["b"]


def test_killer_deleting_by_a_vector(books):
    books.insert(doc("a"))
    with pytest.raises(ValueError):
        books.delete_by_filter("v = [1,2]")
    assert books.stats.doc_count == 1


def test_killer_reranking_by_a_scalar_field():
    with pytest.raises(ValueError):
        zvec.WeightedReRanker([1.0]).rerank([[zvec.Doc("a", 1.0)]], fields=[zvec.FieldSchema("n", T.INT32)])


@pytest.mark.parametrize("number", [-1, -(2**31)])
def test_killer_negative_index_parameters(number):
    for make in (
        lambda: zvec.DiskAnnIndexParam(list_size=number),
        lambda: zvec.DiskAnnIndexParam(max_degree=number),
        lambda: zvec.HnswIndexParam(m=number),
        lambda: zvec.IVFIndexParam(n_list=number),
        lambda: zvec.DiskAnnQueryParam(list_size=number),
    ):
        with pytest.raises(ValueError):
            make()


def test_killer_huge_index_parameters_build_and_answer(path):
    index = zvec.HnswIndexParam(M.L2, m=1000, ef_construction=2**31 - 1)
    schema = zvec.CollectionSchema("c", vectors=zvec.VectorSchema("v", T.VECTOR_FP32, DIM, index))
    with zvec.create_and_open(path, schema) as books:
        books.insert([zvec.Doc(str(i), vectors={"v": unit(i)}) for i in range(DIM)])
        books.optimize()
        assert books.query(zvec.Query("v", vector=unit(3)), topk=1)[0].id == "3"


def test_signals_find_their_handler_during_a_long_call(path):
    """A handler that does not raise lets the call go on."""
    with zvec.create_and_open(path, books_schema(), RELAXED) as books:
        seen = []
        before = signal.signal(signal.SIGALRM, lambda *_: seen.append(time.monotonic()))
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            for n in range(1000):
                books.upsert_arrays([f"{n}-{i}" for i in range(1000)], {"v": np.ones((1000, DIM), dtype=np.float32)})
                if seen:
                    break
        finally:
            signal.signal(signal.SIGALRM, before)
        assert seen and books.stats.doc_count == (n + 1) * 1000


INIT = """
from cocozvec import zvec
import sys
for bad, error in (({"query_threads": 0}, ValueError), ({"log_type": 1}, TypeError), ({"memory_limit_mb": "1"}, TypeError),
                   ({"brute_force_by_keys_ratio": 2}, ValueError), ({"memory_limit_mb": 1}, RuntimeError),
                   ({"log_type": zvec.LogType.FILE, "log_dir": ""}, RuntimeError), ({"log_level": 2}, TypeError)):
    try:
        zvec.init(**bad)
        print("accepted", bad)
    except error:
        pass
zvec.init(log_type=zvec.LogType.FILE, log_level=zvec.LogLevel.DEBUG, log_dir=sys.argv[1])
zvec.init(log_type=zvec.LogType.FILE, log_level=zvec.LogLevel.DEBUG, log_dir=sys.argv[1])
try:
    zvec.init(query_threads=2)
except RuntimeError:
    print("second refused")
"""


def test_init_checks_its_arguments_and_is_done_once(tmp_path):
    done = run_python(INIT, str(tmp_path / "logs"))
    assert done.stdout == "second refused\n" and (tmp_path / "logs" / "zvec.log").exists()
