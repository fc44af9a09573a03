"idx files and digits: what is read, and what is refused"
import gzip, struct
import numpy as np, pytest
from asl_course.core import *
from asl_course.records import *
from asl_course.files import DataError
from asl_course.digits import *
import asl_course.tutorials.t2

def idx(a): return b"\0\0\x08"+bytes([a.ndim])+struct.pack(f">{a.ndim}I", *a.shape)+a.tobytes()

@pytest.fixture()
def mnist(tmp_path):
    g = np.random.default_rng(0); (tmp_path/"mnist").mkdir()
    for k, n in (("train", 60), ("t10k", 20)):
        (tmp_path/"mnist"/f"{k}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(g.integers(0, 256, (n, 28, 28), dtype=np.uint8))))
        (tmp_path/"mnist"/f"{k}-labels-idx1-ubyte").write_bytes(idx((np.arange(n)%10).astype(np.uint8)))
    return tmp_path

def test_reads_what_was_written(mnist, capsys):
    d = load_mnist(path=mnist)
    assert d.source=="real" and d.x.shape==(60, 28, 28) and d.x.dtype==np.uint8 and d.y.dtype==np.int64 and (d.y_test==np.arange(20)%10).all()
    assert len(d.sha256)==4 and "MNIST, from the path given: 60 train and 20 test" in capsys.readouterr().out
    s = d.sample(10, 5); assert repr(s)=="Digits(real: 10 train and 5 test pictures of 28x28, 10 digits)"

@pytest.mark.parametrize("spoil,match", [
    (lambda b: b[:-1], "holds 59 bytes of data: its header promises 60"), (lambda b: b+b"x", "holds 61 bytes"), (lambda b: b"\0\0\x0d\x01"+b[4:], "begins with 00000d01"),
    (lambda b: b[:6], "ends inside its header"), (lambda b: b"", "begins with nothing"), (lambda b: gzip.compress(b)[:-9], "cut short or damaged"), (lambda b: b"<htm"+b, "begins with 3c68746d")])
def test_damaged_files(mnist, spoil, match):
    f = mnist/"mnist"/"train-labels-idx1-ubyte"; f.write_bytes(spoil(f.read_bytes()))
    with pytest.raises(DataError, match=match): load_mnist(path=mnist)

def test_counts_must_agree(mnist):
    (mnist/"mnist"/"train-labels-idx1-ubyte").write_bytes(idx(np.zeros(59, np.uint8)))
    with pytest.raises(DataError, match="60 pictures and 59 labels"): load_mnist(path=mnist)

def test_missing(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="MNIST was not found"): load_mnist(path=tmp_path)
    monkeypatch.setenv("ASL_DATA", str(tmp_path))
    with pytest.raises(DataError, match="MNIST was not found"): load_mnist("real")

def test_bundled_digits(capsys):
    d = load_mnist("synth")
    assert d.source=="bundled" and d.x.shape==(1438, 28, 28) and len(d.y_test)==359 and set(d.y)==set(range(10)) and d.x.max()>200
    assert "scikit-learn's 8x8 digits" in capsys.readouterr().out

def test_recipes_run_on_digits():
    d = load_mnist("synth").sample(600, 200)
    set_seed(0)
    t = run_recipe("t2.tail", d, 1, scale="smoke"); assert t["is_sorted"]==0 and sum(t["file"])==sum(t["sorted"])==120 and t["sorted"][0]==0
    m = run_recipe("digits.means", d, 1, scale="smoke")["after"]; assert m["geometric"]<m["arithmetic"]
    assert run_recipe("t5.stated", d, 1, scale="smoke")["test"]["loss"]<3
