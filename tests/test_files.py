"The reader, the cache and the download: what is wrong is named with its place, and nothing is left half-written."
import gzip, os, shutil, subprocess, sys, time, warnings, zipfile
from pathlib import Path
import numpy as np, pytest
from hypothesis import given, settings, strategies as st, HealthCheck
from asl_course.core import LETTERS, to_index, to_label
from asl_course import files
from asl_course.files import *

def lines(path): return path.read_text().splitlines()
def spoil(path, line, col, value):
    rows = [o.split(",") for o in lines(path)]
    rows[line-1][col] = value
    out = path.with_name("bad.csv"); out.write_text("\n".join(",".join(r) for r in rows)); return out

def test_round_trip(good, small):
    x, y, facts = read_letters_csv(good)
    assert (x==small[0]).all() and (y==small[1]).all() and x.dtype==np.uint8 and y.dtype==np.int64 and facts["rows"]==72
    assert good.read_bytes().endswith(b"\r\n")

@pytest.mark.parametrize("value", ["dark", "3.5", "-1", "256", "", " ", "1e2", "0x1", "nan", "99999999999999999999", "#", "1_0", "7.5", "²"])
def test_bad_pixel(good, value):
    with pytest.raises(DataError, match=r"bad.csv, line 5, column pixel7: found .*expected") as e: read_letters_csv(spoil(good, 5, 7, value))
    assert "asl_data" in str(e.value)

@pytest.mark.parametrize("value", ["9", "25", "26", "-1", "255", "A"])
def test_bad_label(good, value):
    with pytest.raises(DataError, match=r"bad.csv, line 8, column label: found "): read_letters_csv(spoil(good, 8, 0, value))

@pytest.mark.parametrize("change,match", [
    (lambda t: [], "is empty"), (lambda t: t[:1], "no pictures after the header"), (lambda t: t[1:], r"line 1: this is not the header"),
    (lambda t: [t[0].replace("pixel3,", "grey3,")]+t[1:], "column 4 is 'grey3', expected 'pixel3'"),
    (lambda t: [",".join(o.split(",")[:-1]) for o in t], "784 columns, expected 785"), (lambda t: [o+",1" for o in t], "786 columns, expected 785"),
    (lambda t: [t[0]]+[",".join(o.split(",")[:-1]) for o in t[1:]], "line 2: found 784 columns"), (lambda t: [t[0]]+[o+",1" for o in t[1:]], "line 2: found 786 columns"),
    (lambda t: t[:9]+[t[9]+",5"]+t[10:], "line 10: found 786 columns"),
    (lambda t: t[:-1]+[t[-1][:300]], r"line 73: found \d+ columns, expected 785. It is the last line: the file looks cut short"),
    (lambda t: t[:4]+[""]+t[4:], None), (lambda t: ["garbage"], "this is not the header")])
def test_bad_shape(good, change, match):
    bad = good.with_name("bad.csv"); bad.write_text("\n".join(change(lines(good))))
    if match is None: assert len(read_letters_csv(bad)[1])==72 # a blank line holds nothing to lose
    else:
        with pytest.raises(DataError, match=match): read_letters_csv(bad)

def test_line_numbers_count_blank_lines(good):
    t = lines(spoil(good, 7, 3, "x")); bad = good.with_name("bad.csv"); bad.write_text("\n".join(t))
    with pytest.raises(DataError, match="line 7, column pixel3"): read_letters_csv(bad)

def test_missing_folder_binary(tmp_path):
    with pytest.raises(DataError, match="no file nothing.csv there"): read_letters_csv(tmp_path/"nothing.csv")
    with pytest.raises(DataError, match="is a folder"): read_letters_csv(tmp_path)
    (tmp_path/"photo.csv").write_bytes(bytes(range(256))*9)
    with pytest.raises(DataError, match="no text file|not the header"): read_letters_csv(tmp_path/"photo.csv")

@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("tail", [b"", b"\n", b"\r\n\r\n\n"])
def test_harmless_oddities(good, small, bom, end, tail):
    odd = good.with_name("odd.csv"); odd.write_bytes(bom+end.join(o.encode() for o in lines(good))+tail)
    x, y, _ = read_letters_csv(odd)
    assert (x==small[0]).all() and (y==small[1]).all()

def test_gzip(good, small):
    gz = good.with_name("good.csv.gz"); gz.write_bytes(gzip.compress(good.read_bytes()))
    assert (read_letters_csv(gz)[0]==small[0]).all()
    assert read_letters_csv(gz)[2]["sha256"]==read_letters_csv(good)[2]["sha256"]
    gz.write_bytes(gz.read_bytes()[:-2000])
    with pytest.raises(DataError, match="damaged or cut short"): read_letters_csv(gz)
    gz.write_bytes(b"no gzip at all")
    with pytest.raises(DataError, match="damaged or cut short"): read_letters_csv(gz)

def relabel(path, y):
    out = path.with_name("lab.csv"); t = lines(path)
    out.write_text("\n".join([t[0]]+[f"{c},{o.split(',', 1)[1]}" for c, o in zip(y, t[1:])])); return out

def test_relabelled_copy(good, small):
    x, y, facts = read_letters_csv(relabel(good, small[1]))
    assert (y==small[1]).all() and facts["relabelled"] and facts["labels"]==list(range(24))
    assert read_letters_csv(good)[2]["labels"]==[*range(9), *range(10, 25)]
    with pytest.raises(DataError, match="column label: found 9"): read_letters_csv(relabel(good, np.minimum(small[1], 22)))

@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_pictures_round_trip(tmp_path, data):
    n = data.draw(st.integers(1, 4))
    x = np.frombuffer(data.draw(st.binary(min_size=n*784, max_size=n*784)), np.uint8).reshape(n, 28, 28)
    y = np.array(data.draw(st.lists(st.integers(0, 23), min_size=n, max_size=n)))
    write_letters_csv(x, y, tmp_path/"any.csv")
    a, b, _ = read_letters_csv(tmp_path/"any.csv")
    assert (a==x).all() and (b==y).all()

@given(st.integers(0, 23))
def test_label_map(i): assert to_index(to_label(i))==i and to_label(i)!=9

ODD = {
    "semicolons": (dict(sep=";"), "semicolons"), "tabs": (dict(sep="\t"), "tabs"), "UTF-16": (dict(encoding="utf-16"), None),
    "an index": (dict(index=True), "an index"), "floats": (dict(float=True), None), "quotes": (dict(quoting=1), None),
    "label last": (dict(last=True), "label last"), "from pixel0": (dict(zero=True), "numbered from pixel0"), "Label": (dict(upper=True), None),
    "letters": (dict(letters=True), None), "shuffled": (dict(shuffled=True), "another order"), "all of it": (dict(sep=";", encoding="utf-16", index=True, last=True, letters=True), "semicolons, with an index, label last")}

def write_odd(path, x, y, sep=",", encoding="utf-8", index=False, quoting=0, last=False, zero=False, upper=False, letters=False, shuffled=False, float=False):
    import pandas as pd
    d = pd.DataFrame(x.reshape(len(x), -1).astype("float64" if float else "int64"), columns=[f"pixel{i+(not zero)}" for i in range(784)])
    if shuffled: d = d.sample(frac=1, axis=1, random_state=0)
    d.insert(784 if last else 0, "Label" if upper else "label", [LETTERS[i] for i in y] if letters else to_label(y))
    d.to_csv(path, sep=sep, encoding=encoding, index=index, quoting=quoting); return path

@pytest.mark.parametrize("kind", ODD)
def test_a_table_is_read_however_it_is_written(small, tmp_path, kind):
    how, said = ODD[kind]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        x, y, _ = read_letters_csv(write_odd(tmp_path/"odd.csv", *small, **how))
    assert (x==small[0]).all() and (y==small[1]).all()
    if said: assert any(said in str(o.message) for o in seen), seen

@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_a_packed_table_called_csv(good, small, tmp_path, kind):
    p = tmp_path/"packed.csv"
    if kind=="gz": p.write_bytes(gzip.compress(good.read_bytes()))
    else: make_zip(p, [("inner.csv", good.read_bytes())])
    assert (read_letters_csv(p)[0]==small[0]).all()
    make_zip(p, [("a.csv", b"1"), ("b.csv", b"2")])
    with pytest.raises(DataError, match="holds 2 CSV files: expected one"): read_letters_csv(p)

def test_a_fault_in_an_odd_table_is_placed_as_exactly(good, small, tmp_path):
    p = write_odd(tmp_path/"odd.csv", *small, sep=";", index=True); t = lines(p); row = t[4].split(";"); row[9] = "dark"; t[4] = ";".join(row)
    p.write_text("\n".join(["", *t]))
    with pytest.warns(UserWarning, match="semicolons"), pytest.raises(DataError, match=r"odd.csv, line 6, column pixel8: found 'dark'"): read_letters_csv(p)

def test_a_label_after_blank_lines_is_placed_right(good):
    t = lines(spoil(good, 8, 0, "25")); bad = good.with_name("bad.csv"); bad.write_text("\n".join(t[:3]+["", ""]+t[3:]))
    with pytest.raises(DataError, match="line 10, column label: found 25"): read_letters_csv(bad)

@pytest.mark.parametrize("change,match", [(lambda d: d.assign(score=1), "786 columns"), (lambda d: d.drop(columns="label"), "which column is the label"), (lambda d: d.rename(columns={"pixel5": "pixel6"}), "column 6 is")])
def test_what_a_table_does_not_say_is_not_guessed(good, tmp_path, change, match):
    import pandas as pd
    change(pd.read_csv(good)).to_csv(tmp_path/"odd.csv", index=False)
    with pytest.raises(DataError, match=match), warnings.catch_warnings(): warnings.simplefilter("ignore"); read_letters_csv(tmp_path/"odd.csv")

def test_a_doubtful_numbering_is_asked_about(good, small):
    y = np.array([c for c in small[1] if c not in (9, 23)]); some = relabel(good, y) # written 0 to 23, K and Y are missing
    with pytest.warns(UserWarning, match="neither 9 nor 24"): assert (read_letters_csv(some)[1]!=y).any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (read_letters_csv(some, "0-23")[1]==y).all() and (read_letters_csv(good, "0-24")[1]==small[1]).all()
    assert (read_letters_csv(relabel(good, np.minimum(small[1], 22)), "0-23")[1]==np.minimum(small[1], 22)).all()
    with pytest.raises(ValueError, match="numbering is '1-24'"): read_letters_csv(good, "1-24")

# -- the cache

def test_cache(good, small, tmp_path):
    cache = tmp_path/"cache"
    first, again = cached_letters_csv(good, cache), cached_letters_csv(good, cache)
    assert (again[0]==small[0]).all() and again[1].dtype==np.int64 and first[2]==again[2] and len(list(cache.iterdir()))==1

def test_cache_is_used(good, tmp_path, monkeypatch):
    cached_letters_csv(good, tmp_path/"cache")
    monkeypatch.setattr(files, "read_letters_csv", lambda p: pytest.fail("parsed again"))
    cached_letters_csv(good, tmp_path/"cache")

@pytest.mark.parametrize("how", ["content", "time", "size"])
def test_changed_file_is_noticed(good, small, tmp_path, how):
    cached_letters_csv(good, tmp_path/"cache")
    before = good.stat()
    x = small[0].copy(); x[0, 0, 0] ^= 1
    if how=="size": x = np.concatenate([x, x]); write_letters_csv(x, np.tile(small[1], 2), good)
    else: write_letters_csv(x, small[1], good)
    if how=="content": os.utime(good, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (cached_letters_csv(good, tmp_path/"cache")[0]==x).all()

@pytest.mark.parametrize("damage", [lambda b: b[:100], lambda b: b"", lambda b: b"x"*len(b), lambda b: b[:-5]])
def test_damaged_cache_is_rebuilt(good, small, tmp_path, damage):
    cached_letters_csv(good, tmp_path/"cache")
    f = next((tmp_path/"cache").iterdir()); f.write_bytes(damage(f.read_bytes()))
    with pytest.warns(UserWarning, match="damaged"): assert (cached_letters_csv(good, tmp_path/"cache")[0]==small[0]).all()
    with warnings.catch_warnings(): warnings.simplefilter("error"); cached_letters_csv(good, tmp_path/"cache")

def test_cache_that_cannot_be_written(good, small, tmp_path, monkeypatch):
    (tmp_path/"file").write_text("")
    with pytest.warns(UserWarning, match="could not keep a copy of good.csv"): assert (cached_letters_csv(good, tmp_path/"file")[0]==small[0]).all()
    def full(path, data): raise OSError(28, "No space left on device")
    monkeypatch.setattr(files, "write_atomic", full)
    with pytest.warns(UserWarning, match="No space left"): assert (cached_letters_csv(good, tmp_path/"c")[0]==small[0]).all()

def test_a_pickle_is_told_from_safetensors_by_its_content(tmp_path):
    import pickle
    from safetensors.numpy import save
    for i in range(600): # the length of the header runs through all bytes, that of a pickle's beginning among them
        (tmp_path/"w.weights").write_bytes(save({"a"*(i%40+1): np.zeros(1)}, metadata={"note": "x"*i})); refuse_pickle(tmp_path/"w.weights")
    for data in (pickle.dumps([1]), b"PK\3\4rest of it"):
        (tmp_path/"w.weights").write_bytes(data)
        with pytest.raises(ValueError, match="w.weights is a pickle"): refuse_pickle(tmp_path/"w.weights")
    with pytest.raises(ValueError, match="absent.pth is a pickle"): refuse_pickle(tmp_path/"absent.pth")

def test_atomic_write_leaves_nothing_behind(tmp_path, monkeypatch):
    (tmp_path/"a").write_text("old")
    monkeypatch.setattr(files.os, "replace", lambda a, b: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError): files.write_atomic(tmp_path/"a", b"new")
    assert (tmp_path/"a").read_text()=="old" and [o.name for o in tmp_path.iterdir()]==["a"]

def test_two_processes_cache_at_once(good, tmp_path):
    prog = f"from asl_course.files import *; import warnings; warnings.simplefilter('error')\nfor _ in range(20): x, y, f = cached_letters_csv({str(good)!r}, {str(tmp_path/'c')!r}); [o.unlink(missing_ok=True) for o in __import__('pathlib').Path({str(tmp_path/'c')!r}).glob('g*.safetensors')]\nprint(int(x.sum()))"
    ps = [subprocess.Popen([sys.executable, "-c", prog], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    outs = [p.communicate() for p in ps]
    assert all(p.returncode==0 for p in ps), outs
    assert len({o for o, _ in outs})==1 and not [o for o in (tmp_path/"c").iterdir() if o.name.startswith(".")]

# -- finding both files

@pytest.fixture()
def pair(tmp_path, small):
    d = tmp_path/"set"
    write_letters_csv(*small, d/TRAIN_CSV); write_letters_csv(small[0][:24], small[1][:24], d/TEST_CSV)
    return d

def layouts(pair, kind):
    root = pair.parent/kind; (root/"sign_mnist").mkdir(parents=True)
    for n in (TRAIN_CSV, TEST_CSV):
        b = (pair/n).read_bytes()
        if kind=="plain": (root/n).write_bytes(b)
        if kind=="inside": (root/"sign_mnist"/n).write_bytes(b)
        if kind=="gz": (root/"sign_mnist"/f"{n}.gz").write_bytes(gzip.compress(b))
        if kind=="own": (root/n[:-4]).mkdir(); (root/n[:-4]/n).write_bytes(b)
        if kind=="zip":
            with zipfile.ZipFile(root/"archive.zip", "a") as z: z.writestr(n, b); z.writestr(f"{n[:-4]}/{n}", b)
    return root

@pytest.mark.parametrize("kind", ["plain", "inside", "gz", "own", "zip"])
def test_layouts(pair, small, kind):
    L = read_letters(layouts(pair, kind))
    assert (L.x==small[0]).all() and len(L.y_test)==24 and L.source=="other" and set(L.sha256)=={"train", "test"}

def test_only_one_file(pair):
    (pair/TEST_CSV).unlink()
    with pytest.raises(DataError, match=f"found {TRAIN_CSV} but not {TEST_CSV}"): read_letters(pair)

def test_nothing_there(tmp_path): assert read_letters(tmp_path) is None

def make_zip(path, members):
    with zipfile.ZipFile(path, "w") as z:
        for n, b in members: z.writestr(n, b)
    return path

def test_zips(pair, tmp_path):
    a, b = (pair/TRAIN_CSV).read_bytes(), (pair/TEST_CSV).read_bytes()
    with pytest.raises(DataError, match="holds no sign_mnist_train.csv"): read_letters(make_zip(tmp_path/"a.zip", [("other.csv", b"1")]))
    with pytest.raises(DataError, match="several different files called"): read_letters(make_zip(tmp_path/"b.zip", [(TRAIN_CSV, a), (f"x/{TRAIN_CSV}", b), (TEST_CSV, b)]))
    with pytest.raises(DataError, match="climbs out"): read_letters(make_zip(tmp_path/"c.zip", [(f"../{TRAIN_CSV}", a), (TEST_CSV, b)]))
    with pytest.raises(DataError, match="climbs out"): read_letters(make_zip(tmp_path/"d.zip", [(f"/etc/{TRAIN_CSV}", a), (TEST_CSV, b)]))
    (tmp_path/"e.zip").write_bytes(b"PK not really")
    with pytest.raises(DataError, match="no zip file, or damaged"): read_letters(tmp_path/"e.zip")
    z = make_zip(tmp_path/"f.zip", [(TRAIN_CSV, a), (TEST_CSV, b)]); blob = bytearray(z.read_bytes())
    at = next(i for i in range(9000, 9100) if chr(blob[i]).isdigit()); blob[at] = ord("1") if blob[at]!=ord("1") else ord("2"); z.write_bytes(blob)
    with pytest.raises(DataError, match="damaged or cut short|expected"): read_letters(z)

def test_pair_numbered_differently(pair, small):
    relabel(pair/TRAIN_CSV, small[1]).replace(pair/TRAIN_CSV)
    with pytest.raises(DataError, match="number the letters differently"): read_letters(pair)

def test_relabelled_pair_says_so(pair, small, capsys):
    relabel(pair/TRAIN_CSV, small[1]).replace(pair/TRAIN_CSV); relabel(pair/TEST_CSV, small[1][:24]).replace(pair/TEST_CSV)
    assert (read_letters(pair).y==small[1]).all() and "re-labelled copy" in capsys.readouterr().out

@pytest.mark.parametrize("value,match", [("relative/folder", "expected an absolute path"), ("{tmp}/nowhere", "a folder, zip or file that is not there"), ("{tmp}", "holds neither")])
def test_wrong_asl_data_is_an_error(tmp_path, monkeypatch, value, match):
    from asl_course.data import load_letters
    monkeypatch.setenv("ASL_DATA", value.format(tmp=tmp_path))
    for source in ("auto", "real"):
        with pytest.raises(DataError, match=match) as e: load_letters(source)
        assert str(tmp_path) not in str(e.value), "an error shown in a page must not hold a path of the machine"

def test_drawn_hands_never_pass_for_real(tmp_path, monkeypatch, capsys):
    from asl_course import data
    from asl_course.commands import asl_data
    from asl_course.synth import synth_letters
    monkeypatch.setattr(data, "synth_letters", lambda: synth_letters(240, 240, 3))
    assert asl_data(synth=str(tmp_path/"d"))==0
    L = data.load_letters("real", tmp_path/"d"); assert L.source=="other" and L.rows==(240, 240) and "not those of Sign Language MNIST" in capsys.readouterr().out

def test_nothing_is_written_over_without_being_asked(tmp_path, monkeypatch):
    from asl_course import data
    from asl_course.commands import asl_data
    from asl_course.synth import synth_letters
    monkeypatch.setattr(data, "synth_letters", lambda: synth_letters(240, 240, 3)); monkeypatch.setenv("ASL_SOURCE", "synth")
    (tmp_path/TEST_CSV).write_text("precious")
    for how in ("synth", "convert"):
        with pytest.raises(ValueError, match=f"holds {TEST_CSV} already: nothing was written; `--force` writes over them, or name"): asl_data(**{how: str(tmp_path)})
        assert [(o.name, o.read_text()) for o in tmp_path.iterdir()]==[(TEST_CSV, "precious")]
    assert asl_data(synth=str(tmp_path), force=True)==0 and read_letters(tmp_path).rows==(240, 240)

def test_path_and_asl_data(pair, monkeypatch, capsys, tmp_path):
    from asl_course.data import load_letters
    monkeypatch.setenv("ASL_DATA", str(pair))
    assert len(load_letters().y)==72
    out = capsys.readouterr().out
    assert out.count("\n")==1 and "ASL_DATA" in out and "whose hands they show is not known" in out and str(tmp_path) not in out
    monkeypatch.setenv("ASL_DATA", "/nowhere")
    assert len(load_letters(path=pair).y)==72
    with pytest.raises(DataError, match="no folder, zip or file"): load_letters(path=tmp_path/"absent")

@pytest.mark.parametrize("kind", ["csv", "gz", "zip"])
def test_one_of_the_files_or_a_zip_stands_for_both(pair, monkeypatch, tmp_path, kind):
    from asl_course.data import load_letters
    place = layouts(pair, "zip") if kind=="zip" else pair/TRAIN_CSV
    if kind=="gz":
        for n in (TRAIN_CSV, TEST_CSV): (pair/f"{n}.gz").write_bytes(gzip.compress((pair/n).read_bytes())); (pair/n).unlink()
        place = pair/f"{TEST_CSV}.gz"
    assert load_letters("real", place).rows==(72, 24)
    monkeypatch.setenv("ASL_DATA", str(place))
    assert load_letters("real").rows==(72, 24)

def test_a_file_without_its_other_half_is_named(pair, tmp_path):
    from asl_course.data import load_letters
    (pair/TEST_CSV).unlink()
    with pytest.raises(DataError, match=f"found {TRAIN_CSV} but not {TEST_CSV} beside it"): load_letters("real", pair/TRAIN_CSV)
    shutil.copy(pair/TRAIN_CSV, tmp_path/"mine.csv")
    with pytest.raises(DataError, match="mine.csv is neither .* `read_letters_csv` reads a single file"): load_letters("real", tmp_path/"mine.csv")

def test_real_asked_for_but_absent(monkeypatch, tmp_path):
    from asl_course import data
    monkeypatch.setattr(data, "find_real", lambda path=None: None)
    with pytest.raises(DataError, match="asl_data` fetches them"): data.load_letters("real")

def test_what_the_reader_makes_of_the_published_files():
    "Records tell the data by the sha256 of the files; this holds what is made of them"
    import hashlib
    from asl_course.data import load_letters
    from asl_course.digits import _find_mnist, load_mnist
    if find_real() is None or not _find_mnist(): pytest.skip("the real files are not here; CI runs this where they are")
    made = [hashlib.sha256(b"".join(a.tobytes() for a in (d.x, d.y, d.x_test, d.y_test))).hexdigest() for d in (load_letters("real"), load_mnist("real"))]
    assert made==["eff425a665d7751acaab1f7a4d17c931163a028fdc0fc8eb716286114ee95adf", "1e35582d42a90940c55b956deb61875c020b567ed20e3c5b174f52bf7809ed9b"]

# -- download

def test_wrong_sha_installs_nothing(pair, tmp_path):
    (tmp_path/"to").mkdir(); (tmp_path/"to"/TRAIN_CSV).write_text("old")
    with pytest.raises(DataError, match="sha256 .* expected .* nothing was installed"): install_letters(pair, tmp_path/"to")
    assert [(o.name, o.read_text()) for o in (tmp_path/"to").iterdir()]==[(TRAIN_CSV, "old")]

def test_install(pair, tmp_path):
    sha = {n: read_letters_csv(pair/n)[2]["sha256"] for n in (TRAIN_CSV, TEST_CSV)}
    install_letters(layouts(pair, "zip"), tmp_path/"to", sha)
    assert (tmp_path/"to"/TRAIN_CSV).read_bytes()==(pair/TRAIN_CSV).read_bytes() and len(list((tmp_path/"to").iterdir()))==2

def test_no_network_fails_in_seconds(tmp_path):
    t = time.perf_counter()
    env = {**os.environ, "HTTPS_PROXY": "", "https_proxy": "", "ALL_PROXY": "", "all_proxy": ""}
    res = subprocess.run([str(Path(sys.executable).with_name("asl_data")), "--to", str(tmp_path/"to")], capture_output=True, text=True, env=env)
    assert res.returncode==2 and "By hand: download" in res.stderr and "Traceback" not in res.stderr and not (tmp_path/"to").exists()
    assert time.perf_counter()-t<60
