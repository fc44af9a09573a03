"""Files that somebody else wrote, cut or spoilt: what reads them reads them, or says in our words what is wrong.

Hypothesis spoils one good file of each kind, bounded in number; `ASL_FUZZ` asks for more (the nightly workflow for a
thousand). `FOUND` holds what it has found before, a test each."""
import io, json, os, shutil, traceback, warnings
from pathlib import Path
import numpy as np, pytest, torch
from hypothesis import HealthCheck, given, settings, strategies as st
from asl_course.cnn import CNN
from asl_course.core import LETTERS

from asl_course.files import *

from asl_course.joints import HandReader, TaughtHand, read_joints, shipped_hands, shipped_squares
from asl_course.predict import About, Predictor, load_model, open_photo, save_model
from asl_course.records import read_record, records_folder

TIMES = int(os.environ.get("ASL_FUZZ", "25"))
OURS = DataError, ValueError, TypeError, FileNotFoundError

def csv_file(folder):
    rng = np.random.default_rng(0)
    write_letters_csv(rng.integers(0, 256, (3, 28, 28), dtype=np.uint8), np.array([0, 9, 23]), folder/"a.csv")
    return folder/"a.csv"

def model_file(folder):
    return save_model(CNN(24).eval(), folder/"a.safetensors", About(LETTERS, (28, 28), "shipped.reader", {"frac": .2}, 1.3, .6, {"test": 1.}))

def taught_file(folder):
    hand, rng = TaughtHand(), np.random.default_rng(0)
    for letter in "ABC": hand.add(letter, rng.random((21, 3))*100, 1.)
    return hand.save(folder/"a.json")

def record_file(folder): return Path(shutil.copy(records_folder()/"data.floors.real.json", folder/"data.floors.real.json"))

def photo_file(suffix):
    def make(folder):
        from PIL import Image
        a = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(a).save(folder/f"a{suffix}")
        return folder/f"a{suffix}"
    return make

def joints_file(folder):
    n, rng = 3, np.random.default_rng(0)
    np.savez(folder/"a.npz", letter=np.array(list("ABC")), person=np.array(["p1"]*n), checked=np.ones(n, bool), landmarks=rng.random((n, 21, 3)), world=rng.random((n, 21, 3)),
             handed=np.ones(n), size=np.full((n, 2), 99), found=np.ones(n, bool), crop=np.zeros((n, 64, 64), np.uint8))
    return folder/"a.npz"

def idx_file(folder):
    (folder/"a.idx").write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3])+bytes(range(18)))
    return folder/"a.idx"

# what a file is: (makes a good one, reads it)
KINDS = {
    "table": (csv_file, lambda p: read_letters_csv(p)),
    "rows": (csv_file, lambda p: list(table_rows(p))),
    "weights": (model_file, load_model),
    "reader": (lambda d: Path(shutil.copy(shipped_hands().with_name("reader.onnx"), d/"a.onnx")), lambda p: Predictor(p, threads=1, plain=True)),
    "hands": (lambda d: Path(shutil.copy(shipped_hands(), d/"a.onnx")), lambda p: HandReader(p, threads=1)),
    "record": (record_file, lambda p: read_record("data.floors", "real", p.parent)),
    "taught": (taught_file, TaughtHand.load),
    "joints": (joints_file, read_joints),
    "people": (lambda d: Path(shutil.copy(Path(str(shipped_hands())).parent.parent/"tables"/"sign_mnist_people.safetensors", d/"a.safetensors")), read_people),
    "idx": (idx_file, read_idx),
    **{o: (photo_file(f".{o}"), open_photo) for o in "png jpg gif webp bmp tif avif".split()}}

def check_read(kind, path):
    "Read a spoilt file: it is read, or refused in our words"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try: KINDS[kind][1](path)
        except Exception as e:
            where = traceback.extract_tb(e.__traceback__)[-1]
            ours = type(e) in OURS and "asl_course" in Path(where.filename).parts
            assert ours, f"{type(e).__name__}: {e} (at {where.filename}:{where.lineno})"
            assert path.stem.split(".")[0] in str(e), f"which file? {e}"

edits = st.lists(st.tuples(st.sampled_from("cut flip put drop twice".split()), st.floats(0, 1), st.binary(min_size=1, max_size=12)), min_size=1, max_size=4)

def spoilt(data, how):
    "Bytes, cut short, with bits turned over, with bytes put in, taken out or written twice"
    for what, part, some in how:
        i = int(part*len(data))
        if what=="cut": data = data[:i]
        elif what=="flip": data = data[:i]+bytes(o^x for o, x in zip(data[i:], some))+data[i+len(some):]
        elif what=="put": data = data[:i]+some+data[i:]
        elif what=="drop": data = data[:i]+data[i+len(some):]
        else: data = data[:i]+data[max(0, i-40):i]+data[i:]
    return data

@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=TIMES, deadline=None, derandomize="ASL_FUZZ" not in os.environ, suppress_health_check=list(HealthCheck))
@given(how=edits)
def test_spoilt_bytes(tmp_path_factory, kind, how):
    good = KINDS[kind][0](tmp_path_factory.mktemp("good"))
    good.write_bytes(spoilt(good.read_bytes(), how))
    check_read(kind, good)

values = st.recursive(st.none()|st.booleans()|st.floats()|st.integers()|st.text(max_size=3), lambda o: st.lists(o, max_size=3)|st.dictionaries(st.text(max_size=3), o, max_size=3), max_leaves=5)

def replaced(o, path, value):
    "A JSON value in which what a path of numbers leads to is another, or is gone"
    if not path or not isinstance(o, (dict, list)) or not o: return value
    keys = list(o) if isinstance(o, dict) else range(len(o))
    k, rest = keys[path[0]%len(keys)], path[1:]
    if value=="gone" and not rest: return {a: b for a, b in o.items() if a!=k} if isinstance(o, dict) else [*o[:k], *o[k+1:]]
    return {**o, k: replaced(o[k], rest, value)} if isinstance(o, dict) else [*o[:k], replaced(o[k], rest, value), *o[k+1:]]

@pytest.mark.parametrize("kind", ["record", "taught"])
@settings(max_examples=4*TIMES, deadline=None, derandomize="ASL_FUZZ" not in os.environ, suppress_health_check=list(HealthCheck))
@given(path=st.lists(st.integers(0, 50), max_size=5), value=values|st.just("gone"))
def test_other_values(tmp_path_factory, kind, path, value):
    good = KINDS[kind][0](tmp_path_factory.mktemp("good"))
    good.write_text(json.dumps(replaced(json.loads(good.read_text(encoding="utf-8")), path, value)))
    check_read(kind, good)

cells = st.sampled_from(["", " ", "7", "255", "256", "-1", "1e3", "nan", "x", '"', '"7"', "7.0", "7.5", ";", "\t", "\0", "é", "Z", "J", "9", "24", "²", "9"*30, "\r"])

@settings(max_examples=4*TIMES, deadline=None, derandomize="ASL_FUZZ" not in os.environ, suppress_health_check=list(HealthCheck))
@given(changes=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 784), cells), max_size=5), sep=st.sampled_from(",;\t|"), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"]))
def test_other_cells(tmp_path_factory, changes, sep, encoding):
    good = csv_file(tmp_path_factory.mktemp("good"))
    rows = [o.split(",") for o in good.read_text().splitlines()]
    for line, column, value in changes: rows[line][column] = value
    good.write_bytes("\n".join(sep.join(o) for o in rows).encode(encoding))
    for kind in ("table", "rows"): check_read(kind, good)

# what was found, as (kind, edits of the good file): a cut .npz raised EOFError, a cut JPEG and WebP the decoder's own words
FOUND = [("joints", [("cut", 0., b"")]), ("jpg", [("cut", .25, b"")]), ("webp", [("cut", .5, b"")])]

@pytest.mark.parametrize("kind,how", FOUND)
def test_found_before(tmp_path, kind, how):
    path = KINDS[kind][0](tmp_path)
    path.write_bytes(spoilt(path.read_bytes(), how))
    with pytest.raises(ValueError, match="cut short|damaged"): KINDS[kind][1](path)
    check_read(kind, path)
