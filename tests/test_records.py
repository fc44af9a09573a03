"When is a record stale? When its number would change: what counts as code, what a run does, and what a record says."
import ast, json, os, shutil, subprocess, sys
from fnmatch import fnmatch
from pathlib import Path
import numpy as np, pytest
from conftest import NBS, ROOT, code_cells, load, source
from asl_course import pages, records
from asl_course.core import Letters, readings
from asl_course.pages import *
from asl_course.records import *
from asl_course.records import _shape, _Plain

# -- changes to the library: (module, what stands there, what is put there, recipes that become stale)

FAST = "ladder.* muon.* speed.s*" # what `train_rung` trains
T3 = f"t3.* keras.* outside.t3 honest.t3-* {FAST}" # `train_rung` names it too
CHANGES = {
    "words of an error in Batches": ("data", "an empty set has no batches", "there is nothing in it", ""),
    "words of an error in fit": ("train", "training stopped. ", "training has stopped. ", ""),
    "an annotation and a comment": ("data", "        bs:int=64,          # Batch size", "    bs=64, # So many", ""),
    "a docstring": ("train", '"Loss and accuracy over the epochs"', '"As a picture"', ""),
    "T3's momentum": ("debug", "sgd=partial(torch.optim.SGD, momentum=.9),", "sgd=partial(torch.optim.SGD, momentum=.1),", T3),
    "MOVES, rotate": ("speed", "RUNG_MOVES = dict(rotate=6", "RUNG_MOVES = dict(rotate=90", FAST),
    "NETS, thin": ("speed", "PoolFirst(nf=(16, 32, 48, 64))", "PoolFirst(nf=(4, 4, 4, 4))", FAST),
    "PoolFirst without its ReLU": ("speed", "nn.BatchNorm2d(o), nn.ReLU()]\n        super", "nn.BatchNorm2d(o)]\n        super", f"{FAST} speed.growth"),
    "the pose of A": ("synth", "A=pose(_FIST, _FIST, _FIST, _FIST, (32, 20", "A=pose(_UP, _FIST, _FIST, _FIST, (32, 20", "outside.* elsewhere.* shipped.reader reader.* hands.rendered hands.people hands.joints hands.fused yours.taught honest.coverage conformal.* split.recovery synth.sim-to-real"),
    "brightness of variants": ("synth", "*_uniform(g, .85, 1.15, n, 1, 1, 1)\n    return", "*_uniform(g, .25, 1.75, n, 1, 1, 1)\n    return", "elsewhere.* shipped.reader reader.* hands.people honest.coverage conformal.* split.recovery synth.sim-to-real"),
}
RENAMED = ("train", "    n = torch.tensor([len(o) for o in hits]", "    many = torch.tensor([len(o) for o in hits]"), ("train", "(losses*n).sum()/n.sum()", "(losses*many).sum()/many.sum()")

@pytest.fixture(scope="module")
def known(): return all_recipes()

@pytest.fixture(scope="module")
def identities(known):
    "As the library stands"
    return {id: library_code().identity(*r.where.rsplit(".", 1)) for id, r in known.items()}

def changed(texts, *edits):
    for module, old, new, *_ in edits:
        assert texts[module].count(old)==1, f"{old!r} stands {texts[module].count(old)} times in {module}"
        texts = texts | {module: texts[module].replace(old, new)}
    return texts

def stale_after(known, identities, *edits):
    code = LibraryCode(changed(library_code().texts, *edits))
    return {id for id, r in known.items() if code.identity(*r.where.rsplit(".", 1))!=identities[id]}

def test_a_recipe_is_known_by_its_identity(known, identities):
    for id in ("data.floors", "ladder.muon"): assert known[id].code()[0]==identities[id]

@pytest.mark.parametrize("what", CHANGES)
def test_what_becomes_stale(known, identities, what):
    *edit, patterns = CHANGES[what]
    want = {id for id in known for p in patterns.split() if fnmatch(id, p)}
    found = stale_after(known, identities, edit)
    assert found==want, (sorted(found-want), sorted(want-found))

def test_a_renamed_local_is_seen(known, identities):
    found = stale_after(known, identities, *RENAMED)
    assert {"t1.stated", "mlp.widths", "honest.cnn"}<=found and not {"t4.stated", "data.floors", "ladder.muon"}&found

# -- behaviour: one changed copy of the library holds all of these, and each is looked at by a recipe that depends on it alone

LOOKS = {"t3.digits-b128": "T3's momentum", "ladder.muon": "MOVES, rotate", "muon.thin": "NETS, thin", "muon.still": "PoolFirst without its ReLU",
         "outside.alone": "the pose of A", "honest.coverage": "brightness of variants"}

def copy_of(folder, *edits):
    shutil.copytree(Path(records.__file__).parent, folder/"asl_course", ignore=shutil.ignore_patterns("__pycache__"))
    for module, text in changed(library_code().texts, *edits).items():
        path = folder/"asl_course"/f"{module.replace('.', '/')}.py"
        if path.read_text()!=text: path.write_text(text)
    return folder

@pytest.fixture(scope="module")
def today(known): return smoke_runs(Path(records.__file__).parent.parent, ["t2.stated", *LOOKS], 2)

def test_code_that_does_the_same_is_accepted(today, known, tmp_path):
    ids = ["t2.stated", "t3.digits-b128"] # one that uses the renamed local, with and without best weights
    again = smoke_runs(copy_of(tmp_path, *RENAMED), ids, 2)
    for id in ids:
        assert compare_runs(today[id], again[id], known[id].timings)==[] and today[id]["optimisers"][0][0]>20
        assert again[id]["resolved"]==today[id]["resolved"]

def test_code_that_does_something_else_is_refused(today, known, tmp_path):
    other = smoke_runs(copy_of(tmp_path, *(CHANGES[o] for o in set(LOOKS.values()))), list(LOOKS), 2)
    for id, what in LOOKS.items():
        bad = compare_runs(today[id], other[id], known[id].timings)
        assert any(at.split(":")[0] in ("optimisers", "metrics", "detail") for at, *_ in bad), (id, what, bad)
        assert refusal(id, bad).startswith("refused, today's code does something else (")

@pytest.mark.skipif(not os.environ.get("ASL_NIGHTLY"), reason="an hour; the nightly workflow sets ASL_NIGHTLY")
def test_all_changes_by_behaviour(known, tmp_path):
    "Each change alone, on every recipe that it makes stale; writes the table of what a smoke run cannot see"
    ids = sorted(known)
    base, lines = smoke_runs(ROOT, ids), []
    for what, (*edit, patterns) in CHANGES.items():
        hit = [id for id in ids if any(fnmatch(id, p) for p in patterns.split())]
        if not hit: continue
        found = smoke_runs(copy_of(tmp_path/what.replace(" ", "-"), edit), hit)
        blind = [id for id in hit if not compare_runs(base[id], found[id], known[id].timings)]
        lines.append(f"{what}: {len(hit)} stale, {len(hit)-len(blind)} refused; the same: {' '.join(blind) or 'none'}")
    print("\n".join(lines))
    if out := os.environ.get("ASL_NIGHTLY_OUT"): Path(out).write_text("\n".join(lines)+"\n")
    assert all(int(o.split(" refused")[0].split()[-1])>0 for o in lines)

def test_smoke_runs_are_the_same_twice(today, known):
    again = smoke_runs(ROOT, ["t2.stated", "ladder.muon"], 2)
    for id in again: assert compare_runs(today[id], again[id], known[id].timings)==[] and today[id]["metrics"].keys()==again[id]["metrics"].keys()

# -- identity

def identities_of(*texts): return [LibraryCode(dict(m=t)).identity("m", "f") for t in texts]

@pytest.mark.parametrize("one,other", [
    ("def f(x): return x", "def f(x:int)->int:\n    'Doc'\n    return x # why"),
    ("def f(x):\n    if x: raise ValueError('a')", "def f(x):\n    if x: raise ValueError(f'{x} is b') from None"),
    ("def f(x):\n    assert x, 'no'", "def f(x):\n    assert x"),
    ("import warnings\ndef f(x):\n    warnings.warn('a')", "import warnings\ndef f(x):\n    warnings.warn(f'b {x}')"),
    ("K = 1\ndef f(x): return [K for K in x]", "K = 2\ndef f(x): return [K for K in x]"), # a local of that name
    ("class A:\n    def m(self): 'Doc'\ndef f(): return A()", "class A:\n    'Doc'\n    def m(self): pass\ndef f(): return A()"),
    ("def f(): return g()\ndef g(): return f()", "def g(): return f()\ndef f(): return g()")]) # in a circle
def test_words_do_not_count(one, other):
    a, b = identities_of(one, other)
    assert a==b

@pytest.mark.parametrize("one,other", [
    ("def f(x): return x", "def f(y): return y"),
    ("K = 1\ndef f(x): return x+K", "K = 2\ndef f(x): return x+K"),
    ("K = {}\nK['a'] = 1\ndef f(): return K", "K = {}\nK['a'] = 2\ndef f(): return K"),
    ("K = {}\nK.update(a=1)\ndef f(): return K", "K = {}\nK.update(a=2)\ndef f(): return K"),
    ("K = {}\nfor k in 'ab': K[k] = 1\ndef f(): return K", "K = {}\nfor k in 'ac': K[k] = 1\ndef f(): return K"),
    ("N = dict(a=lambda: g(1))\ndef g(x): return x\ndef f(): return N", "N = dict(a=lambda: g(1))\ndef g(x): return -x\ndef f(): return N"),
    ("class A: pass\nclass B(A): pass\ndef f(): return B()", "class A: k = 1\nclass B(A): pass\ndef f(): return B()"),
    ("def d(g): return g\n@d\ndef f(x): return x", "def d(g): return lambda x: 1\n@d\ndef f(x): return x"),
    ("def f(x=1): return x", "def f(x=2): return x"),
    ("from fastcore.basics import patch\nclass A: pass\n@patch\ndef g(self:A): return 1\ndef f(): return A()", "from fastcore.basics import patch\nclass A: pass\n@patch\ndef g(self:A): return 2\ndef f(): return A()"),
    ("if 1:\n    def g(): return 1\nelse:\n    def g(): return 3\ndef f(): return g()", "if 1:\n    def g(): return 2\nelse:\n    def g(): return 3\ndef f(): return g()"),
    ("try: from torch import a as g\nexcept ImportError: from torch import b as g\ndef f(): return g", "try: from torch import c as g\nexcept ImportError: from torch import d as g\ndef f(): return g"),
    ("async def g(): return 1\ndef f(): return g()", "async def g(): return 2\ndef f(): return g()"),
    ("(K := 1)\ndef f(): return K", "(K := 2)\ndef f(): return K"),
    ("import io\nwith io.StringIO('a') as K: pass\ndef f(): return K", "import io\nwith io.StringIO('b') as K: pass\ndef f(): return K"),
    ("match 1:\n    case 1: K = 1\ndef f(): return K", "match 1:\n    case 1: K = 2\ndef f(): return K"),
    ("D = {}\n_ = D.setdefault('a', 1)\ndef f(): return D", "D = {}\n_ = D.setdefault('a', 2)\ndef f(): return D"),
    ("def start(): return 1\ndef f(): return start()", "def start(): return 2\ndef f(): return start()"),
    ("from torch.optim import SGD as O\ndef f(): return O", "from torch.optim import Adam as O\ndef f(): return O"),
    ("from dataclasses import dataclass\n@dataclass\nclass A:\n    k:int=1\ndef f(): return A()", "from dataclasses import dataclass\n@dataclass\nclass A:\n    k:int=2\ndef f(): return A()"),
    ("def f(x):\n    if x: raise ValueError('a')", "def f(x):\n    if x: raise KeyError('a')")])
def test_what_counts(one, other):
    a, b = identities_of(one, other)
    assert a!=b

def test_names_are_followed_from_module_to_module():
    texts = dict(a="def g(x): return x\ndef h(x): return x", b="from .a import g as k\nfrom . import a\ndef one(x): return k(x)\ndef two(x): return a.h(x)",
                 c="from .b import *\ndef f(x):\n    from asl_course.a import h\n    return one(h(x))\ndef e(x): return two(x)")
    def moved(name, module, old, new): return LibraryCode(texts).identity("c", name)!=LibraryCode(texts | {module: texts[module].replace(old, new)}).identity("c", name)
    assert moved("f", "a", "def g(x): return x", "def g(x): return -x") and moved("f", "a", "def h(x): return x", "def h(x): return -x")
    assert moved("e", "a", "def h(x): return x", "def h(x): return -x") and not moved("e", "a", "def g(x): return x", "def g(x): return -x")

def test_modules_are_found_by_every_kind_of_import():
    texts = {"o": "def g(): return 1", "sub.t1": "from .t2 import g\ndef h(): return g()", "sub.t2": "from ..o import g as k\ndef g(): return k()"}
    for how in ("import asl_course.o as o\ndef f(): return o.g()", "def f():\n    import asl_course.o as o\n    return o.g()", "from . import o\ndef f(): return o.g()", "from asl_course import o\ndef f(): return o.g()",
                "from .sub import t1\ndef f(): return t1.h()", "from asl_course.sub.t1 import h\ndef f(): return h()", "from asl_course.sub.t2 import *\ndef f(): return g()"):
        one, two = (LibraryCode(texts | dict(m=how, o=f"def g(): return {k}")).identity("m", "f") for k in (1, 2))
        assert one!=two, how

def test_a_circle_of_imports_ends():
    code = LibraryCode(dict(a="from .b import g\ndef f(): return g()", b="from .a import g"))
    assert code.identity("a", "f") and code.find("a", "g") is None
    with pytest.raises(KeyError, match="no function h in the module a"): code.identity("a", "h")
    assert LibraryCode(dict(a="from .b import f", b="def f(): return 1")).identity("a", "f")

def test_what_is_named_by_what_is_named_counts():
    "p calls g of a, q calls g of b; the constants of a and b change places"
    texts = lambda i, j: dict(a=f"K = {i}\ndef g(): return K\ndef p(): return g()", b=f"K = {j}\ndef g(): return K\ndef q(): return g()", m="from .a import p\nfrom .b import q\ndef f(): return p()-q()")
    assert LibraryCode(texts(1, 2)).identity("m", "f")!=LibraryCode(texts(2, 1)).identity("m", "f")

def test_methods_of_the_data_count():
    texts = dict(core="class Letters:\n    def part(self): return 1", m="def f(letters): return letters.part()\ndef e(letters): return letters.x")
    other = texts | dict(core=texts["core"].replace("1", "2"))
    assert LibraryCode(texts).identity("m", "f")!=LibraryCode(other).identity("m", "f") and LibraryCode(texts).identity("m", "e")==LibraryCode(other).identity("m", "e")

def test_two_functions_of_one_name_are_two():
    texts = dict(a="def g(x): return 1", b="def g(x): return 2", c="from .a import g\nfrom .b import g as k\ndef f(x): return g(x)-k(x)")
    assert LibraryCode(texts).identity("c", "f")!=LibraryCode(texts | dict(b="def g(x): return 3")).identity("c", "f")
    assert LibraryCode(texts).identity("c", "f")!=LibraryCode(dict(a=texts["b"], b=texts["a"], c=texts["c"])).identity("c", "f")

def test_what_all_gathers_is_followed():
    "`asl_course.all` imports modules by name while it runs: what it gives is found by what each exports"
    def texts(k): return dict(all="names = 1", b=f"__all__ = ['g']\ndef g(): return {k}", m="from asl_course.all import *\ndef f(): return g()")
    one, two = (LibraryCode(texts(k)).identity("m", "f") for k in (1, 2))
    assert one!=two and LibraryCode(texts(1) | dict(b="def g(): return 2")).identity("m", "f")!=one
    code = library_code()
    assert code.find("all", "fit") is None and LibraryCode(code.texts | dict(m="from asl_course.all import *")).find("m", "fit")==("train", "fit")

def test_a_page_and_the_library_agree(known):
    "Pages run their own definitions: what they record must be told from nothing in the library"
    pages_of = {f"tutorials.{p.stem}" if p.parent.name=="tutorials" else p.stem.partition("_")[2]: p for p in NBS if p.parent.name!="solutions"}
    for module in sorted({r.where.rsplit(".", 1)[0] for r in known.values()}):
        text = "\n".join("".join("pass\n" if l.startswith(("!", "%")) else l for l in c["source"]) for c in code_cells(load(pages_of[module])) if "run_line_magic" not in source(c))
        code = library_code().plus("__main__", text)
        for r in known.values():
            if r.where.rsplit(".", 1)[0]!=module: continue
            name = r.where.rsplit(".", 1)[1]
            assert code.identity("__main__", name)==r.code()[0], f"{r.id} in {pages_of[module].name}: {set(code.reach('__main__', name))^set(library_code().reach(module, name))}"

def test_identity_takes_no_torch():
    code = "import sys; from asl_course.records import library_code; print(library_code().identity('speed', '_rung'), [m for m in ('torch', 'pandas') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split(" ", 1)
    assert out[1].strip()=="[]" and out[0]==library_code().identity("speed", "_rung")

def test_syntax_is_hashed_the_same_by_any_python():
    "`ast.unparse` writes f-strings otherwise from 3.12 on; the shape of the tree stays, whatever is empty or new"
    one, other = (_shape(ast.parse(o)) for o in ("""f"{x!r:>{w}} 'a'"; y = [1, None]""", """f'{x!r:>{w}} \\'a\\''\ny = [ 1,None ]"""))
    assert one==other!=_shape(ast.parse("y = [1, 2]"))
    assert "type_params" not in repr(_shape(ast.parse("def f(): pass"))) and "type_ignores" not in repr(one)

# -- settings

def test_resolved_settings(known):
    numbers = known["muon.views"].code()[1]
    assert numbers["train_rung.lr"]==.006 and numbers["train_rung.bs"]==128 and numbers["Muon.momentum"]==.9 and numbers["train_rung.opt"]=="muon"
    assert known["muon.small-batch"].code()[1]["train_rung.bs"]==64, "a setting that is passed on"
    assert "cnn_fit.smooth" in known["augment.none"].code()[1] and known["honest.shipped"].code()[1]["cnn_fit.lr"]==.006
    assert known["mlp.widths"].code()[1]["mlp_fit.lr"]==.02 and "mlp_fit.epochs" not in known["mlp.widths"].code()[1], "a default that is always replaced has no influence"
    assert known["t3.letters-b4"].code()[1]["OPTS: partial.momentum"]==.9 and known["t3.letters-b4"].settings["bs"]==4

# -- records

@pytest.fixture()
def toy():
    x = np.zeros((48, 28, 28), np.uint8)
    return Letters(x, np.arange(48)%24, x[:24], np.arange(24), "synth")

def fake(letters, seed, device, scale, lr=.1):
    letters.x_test, letters.y_test, letters.x_test
    return {"valid": {"acc": seed/100}, "_model": object()}

@pytest.fixture()
def fake_recipe():
    records._mine.clear()
    recipe("test.fake", "A fake", claims="T1.1", seeds=3, lr=.5)(fake)
    yield "test.fake"
    del recipes["test.fake"]

def test_record_is_complete(toy, fake_recipe, tmp_path):
    for s in (43, 42, 43): run_recipe(fake_recipe, toy, s, scale="smoke", folder=tmp_path)
    rec = read_record(fake_recipe, "synth", tmp_path)
    assert [o["seed"] for o in rec["seeds"]]==[42, 43] and rec["test_readings"]==4 and rec["settings"]=={"lr": .5} and rec["claims"]==["T1.1"]
    assert rec["scale"]=="smoke" and rec["rows"]==[48, 24] and rec["fn"].endswith(".fake") and seed_values(rec, "valid.acc")==[.42, .43]
    assert set(rec["seeds"][0])=={"seed", "seconds", "device", "torch", "commit", "test_readings", "metrics"} and "_model" not in rec["seeds"][0]["metrics"]
    assert is_recorded(fake_recipe, toy, 42, "smoke", tmp_path) and not is_recorded(fake_recipe, toy, 42, "full", tmp_path) and not is_recorded(fake_recipe, toy, 44, "smoke", tmp_path)

def test_a_page_that_is_run_again_keeps_the_record(toy, fake_recipe, tmp_path, monkeypatch):
    for seed in (42, 43): run_recipe(fake_recipe, toy, seed, scale="smoke", folder=tmp_path)
    path = tmp_path/f"{fake_recipe}.synth.json"
    path.write_text(path.read_text().replace('"seconds": 0.0', '"seconds": 9.5'))
    monkeypatch.setenv("ASL_REFRESH", "1")
    for seed in (42, 44): run_recipe(fake_recipe, toy, seed, scale="smoke", folder=tmp_path)
    assert [(o["seed"], o["seconds"]) for o in read_record(fake_recipe, "synth", tmp_path)["seeds"]]==[(42, 9.5), (43, 9.5), (44, 0.)]
    path.write_text(path.read_text().replace('"identity": "', '"identity": "0'))
    with pytest.warns(UserWarning, match="the record of test.fake is left as it is: its code has changed"): run_recipe(fake_recipe, toy, 42, scale="smoke", folder=tmp_path)
    assert len(read_record(fake_recipe, "synth", tmp_path)["seeds"])==3, "a page never throws a sweep away"
    monkeypatch.delenv("ASL_REFRESH")
    run_recipe(fake_recipe, toy, 42, scale="smoke", folder=tmp_path)
    assert len(read_record(fake_recipe, "synth", tmp_path)["seeds"])==1, "a sweep begins anew"

def test_a_record_that_cannot_be_kept_stops_nothing(toy, fake_recipe, tmp_path, monkeypatch):
    (tmp_path/"file").write_text("in the way")
    with pytest.warns(UserWarning, match="could not be kept .*ASL_RECORDS"): got = run_recipe(fake_recipe, toy, 42, scale="smoke", folder=tmp_path/"file"/"runs")
    assert got["valid"]=={"acc": .42}

def test_other_files_belong_to_the_record(toy, fake_recipe, tmp_path):
    def looks_around(letters, seed, device, scale):
        readings.files["photographs"] = "a"*64
        return {"test": {"acc": 1.}}
    try:
        recipe("test.files", "Reads more")(looks_around)
        run_recipe("test.files", toy, 42, scale="smoke", folder=tmp_path)
        run_recipe(fake_recipe, toy, 42, scale="smoke", folder=tmp_path)
    finally: recipes.pop("test.files")
    assert read_record("test.files", "synth", tmp_path)["data"]=={**toy.sha256, "photographs": "a"*64}
    assert read_record(fake_recipe, "synth", tmp_path)["data"]==toy.sha256, "counted from nothing at each run"

def test_a_recipe_may_pass_settings_on(toy, tmp_path):
    def passed(letters, seed, device, scale, lr=.1, **settings): return dict(test=dict(acc=settings["mood"]))
    try:
        recipe("test.passed", "Passes on", mood=.25)(passed)
        run_recipe("test.passed", toy, 42, scale="smoke", folder=tmp_path)
        assert read_record("test.passed", toy.source, tmp_path)["settings"]==dict(lr=.1, mood=.25)
    finally: recipes.pop("test.passed", None)

def test_other_scale_or_data_begins_anew(toy, fake_recipe, tmp_path):
    run_recipe(fake_recipe, toy, 42, scale="smoke", folder=tmp_path)
    run_recipe(fake_recipe, toy, 43, scale="full", folder=tmp_path)
    assert [o["seed"] for o in read_record(fake_recipe, "synth", tmp_path)["seeds"]]==[43]

@pytest.mark.parametrize("spoil,match", [(lambda r: "{", "is damaged .*delete it, and run `asl_sweep test.fake`"), (lambda r: "[]", "holds a list, no record"), (lambda r: json.dumps({**r, "seeds": []}), "is damaged: its seeds are not"), (lambda r: json.dumps({**r, "seeds": None}), "its seeds are not"),
    (lambda r: json.dumps({**r, "seeds": ["a"]}), "its seeds are not"), (lambda r: json.dumps({**r, "data": "x"}), "its data are not"), (lambda r: json.dumps({**r, "accepted": ["a"]}), "seeds are not|accepted are not"), (lambda r: json.dumps({**r, "accepted": [{}]}), "lacks identity of what"), (lambda r: json.dumps({**r, "schema": 99}), "schema 99, this library reads 2"),
    (lambda r: json.dumps({**r, "schema": 1}), "schema 1, .* to measure it again"), (lambda r: json.dumps({k: v for k, v in r.items() if k!="identity"}), "lacks identity"),
    (lambda r: json.dumps({**r, "seeds": [{k: v for k, v in r["seeds"][0].items() if k!="commit"}]}), "lacks commit of seed 42")])
def test_bad_records_are_named(toy, fake_recipe, tmp_path, spoil, match):
    run_recipe(fake_recipe, toy, 42, scale="smoke", folder=tmp_path)
    f = tmp_path/"test.fake.synth.json"; f.write_text(spoil(json.loads(f.read_text())))
    with pytest.raises(ValueError, match=match): read_record(fake_recipe, "synth", tmp_path)

def test_unknown_metric_and_recipe(toy, fake_recipe, tmp_path):
    run_recipe(fake_recipe, toy, 42, scale="smoke", folder=tmp_path)
    with pytest.raises(KeyError, match="no metric 'test.acc'"): seed_values(read_record(fake_recipe, "synth", tmp_path), "test.acc")
    with pytest.raises(KeyError, match="no recipe 'test.none'"): run_recipe("test.none", toy)
    with pytest.raises(ValueError, match="no recipe t4.statd; nearest: t4.stated"): chosen_recipes(["t4.statd"])

def test_mean_interval_covers():
    rng = np.random.default_rng(0)
    held = np.mean([abs(m)<=h for m, h in (mean_interval(rng.normal(size=5)) for _ in range(2000))])
    assert .93<held<.97

# -- what is shown

@pytest.fixture()
def shown_from(monkeypatch, tmp_path):
    monkeypatch.setattr(records, "records_folder", lambda write=False: tmp_path)
    return tmp_path

def test_stale_records_carry_a_dagger(toy, fake_recipe, shown_from):
    for seed in (42, 43): run_recipe(fake_recipe, toy, seed, scale="full", folder=shown_from)
    shown = lambda: show_record(fake_recipe, ["valid.acc"], ["accuracy"], source="synth")
    fresh = shown()
    assert [*fresh.index]==["yours (synth, full)", "recorded (synth, full)"] and not fresh.index.str.contains("†").any()
    f = shown_from/"test.fake.synth.json"
    f.write_text(f.read_text().replace('"identity": "', '"identity": "0'))
    old = shown()
    assert old.index[1]=="† recorded (synth, full)" and old.index.name=="† by other code than this" and (old.accuracy.iloc[0]==fresh.accuracy.iloc[0])
    both = on_record({"a": fresh, "b": old})
    assert list(both.index)==["a, yours", "a", "b, yours", "† b"] and both.index.name=="on record; † by other code than this"
    rec = json.loads(f.read_text())
    f.write_text(json.dumps({**rec, "accepted": [dict(identity=recipes[fake_recipe].code()[0], commit="f"*40)]}))
    assert why_stale(read_record(fake_recipe, "synth"))=="" and shown().index[1]=="recorded (synth, full)"

def test_pages_that_share_a_process_do_not_meddle():
    "`nbdev_test` runs many pages in one process: a recipe that another page has registered says nothing of the library"
    kept = all_recipes()["data.floors"]
    def floors(letters, seed, device, scale, frac=.3): return {}
    floors.__module__ = "__main__"
    try:
        recipe("data.floors", "Of another page")(floors)
        assert why_stale(read_record("data.floors"))==""
    finally: recipes["data.floors"] = kept

def test_what_was_measured_here_stands_above_the_record(toy, fake_recipe, shown_from):
    for seed in (42, 43): run_recipe(fake_recipe, toy, seed, scale="full", folder=shown_from)
    shown = show_record(fake_recipe, ["valid.acc"], ["accuracy"], source="synth")
    both = on_record({"a": shown, "b": shown})
    assert list(both.index)==["a, yours", "a", "b, yours", "b"] and both.index.name=="on record" and (both.seeds==2).all()
    deep = on_record({("a", 1): shown, ("a", 2): shown.iloc[1:], ("b", 1): shown.iloc[:1]})
    assert list(deep.index)==[("a", "1, yours"), ("a", 1), ("a", 2), ("b", "1, yours (synth, full)")] and deep.index.names==["on record", None]

def test_a_setting_that_a_learner_changed_is_named(toy, fake_recipe, shown_from):
    run_recipe(fake_recipe, toy, 42, scale="full", folder=shown_from)
    recipes[fake_recipe].settings["lr"] = 50
    shown = show_record(fake_recipe, ["valid.acc"], ["accuracy"], source="synth")
    assert shown.index[0]=="yours (synth, full, lr=50, not 0.5)" and shown.index[1]=="† recorded (synth, full)"

# -- the verdict

@pytest.fixture()
def old_record(toy, fake_recipe, tmp_path):
    "A record of the fake by other code, that names this commit"
    head = run_git("rev-parse", "HEAD", cwd=ROOT)
    if head is None: pytest.skip("no git here; CI runs this in a clone")
    run_recipe(fake_recipe, toy, 42, scale="smoke", folder=tmp_path)
    def put(**changes):
        rec = read_record(fake_recipe, "synth", tmp_path) | dict(identity="0"*12)
        rec["seeds"][0] |= dict(commit=head) | changes.pop("seed", {})
        write_record(rec | changes, tmp_path)
    put(); put.folder = tmp_path
    return put

def result(**changes): return dict(metrics=dict(acc=.5, seconds=1.), settings={"lr": .5}, resolved={"fit.lr": .1}, scaled=[[50, 2]], optimisers=[[40, 1.25]], detail={"_sure": [.1, .2]}, readings=2, numbers={}) | changes

@pytest.fixture()
def clean(monkeypatch):
    monkeypatch.setattr(pages, "clean_commit", type("C", (), dict(cache_clear=lambda self: None, __call__=lambda self: "c"*40))())

def test_a_verdict_is_noted_or_refused(old_record, fake_recipe, monkeypatch, clean):
    recipes[fake_recipe].timings = ("seconds",)
    def answers(now, then):
        monkeypatch.setattr(pages, "smoke_runs", lambda root, ids, jobs=None: {id: now if Path(root)==ROOT else then for id in ids})
        return accept([fake_recipe], "synth", old_record.folder)[fake_recipe]
    monkeypatch.setattr(pages, "code_at", lambda commit, folder: folder)
    for then in (result(metrics=dict(acc=.51, seconds=1.)), result(scaled=[[60, 2]]), result(optimisers=[[40, 1.3]]), result(detail={"_sure": [.1, .3]}), result(readings=6), result(settings={"lr": .4}), result(resolved={"fit.lr": .2}), dict(error="KeyError: gone")):
        said = answers(result(), then)
        assert said.startswith("refused, today's code does something else"), said
        assert read_record(fake_recipe, "synth", old_record.folder)["identity"]=="0"*12 and "accepted" not in read_record(fake_recipe, "synth", old_record.folder)
    assert "acc: 0.51 then, 0.5 now" in answers(result(), result(metrics=dict(acc=.51, seconds=1.)))
    said = answers(result(), result(metrics=dict(acc=.5, seconds=7.), resolved={"train.lr": .1}, detail={}, readings=None, numbers={.3: 1}))
    rec = read_record(fake_recipe, "synth", old_record.folder)
    assert "numbers in its code that are gone: 0.3. Make sure" in said
    assert said.startswith("accepted: the same as at ") and rec["accepted"]==[dict(identity=recipes[fake_recipe].code()[0], commit="c"*40)] and why_stale(rec)==""
    assert accept([fake_recipe], "synth", old_record.folder)=={fake_recipe: "valid as it is"}

def test_what_cannot_be_judged_is_said(old_record, fake_recipe, monkeypatch, clean):
    said = lambda: accept([fake_recipe], "synth", old_record.folder)[fake_recipe]
    old_record(seed=dict(commit=None)); assert said()=="its record names no commit: run `asl_sweep test.fake` to measure it again"
    old_record(seed=dict(commit="1234567890"*4)); assert said().startswith("its commit 1234567890 is not in this history")
    rec = read_record(fake_recipe, "synth", old_record.folder)
    old_record(seed=dict(commit=run_git("rev-parse", "HEAD", cwd=ROOT)))
    (old_record.folder/"test.fake.synth.json").rename(old_record.folder/"test.fake.real.json")
    other = json.loads((old_record.folder/"test.fake.real.json").read_text()) | dict(source="real", data={"train": "a", "test": "b"})
    write_record(other, old_record.folder)
    assert accept([fake_recipe], "real", old_record.folder)[fake_recipe].startswith("it was measured on other files than the published ones: run `asl_sweep")
    (old_record.folder/"test.fake.real.json").write_text("{")
    assert "is damaged" in accept([fake_recipe], "real", old_record.folder)[fake_recipe]
    assert accept([fake_recipe], "synth", old_record.folder)[fake_recipe].startswith("there is no record of it")

def test_no_verdict_without_git_or_on_a_changed_library(fake_recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "run_git", lambda *a, **k: None)
    with pytest.raises(ValueError, match="needs the repository with its history, and git"): accept([fake_recipe], "synth", tmp_path)
    monkeypatch.setattr(pages, "run_git", lambda *a, **k: "x")
    monkeypatch.setattr(pages, "clean_commit", type("C", (), dict(cache_clear=lambda self: None, __call__=lambda self: None))())
    with pytest.raises(ValueError, match="changes that no commit holds: commit them first"): accept([fake_recipe], "synth", tmp_path)

def test_the_code_of_a_commit(tmp_path):
    head = run_git("rev-parse", "HEAD", cwd=ROOT)
    if head is None: pytest.skip("no git here; CI runs this in a clone")
    assert (code_at(head, tmp_path)/"asl_course"/"core.py").exists()
    with pytest.raises(ValueError, match="1234567890 is not in this history"): code_at("1234567890"*4, tmp_path)

# -- those that are committed

def test_committed_records(known):
    missing = [id for id in known if not (ROOT/"data"/"runs"/f"{id}.real.json").exists()]
    assert not missing, f"never recorded: {missing}"
    for p in sorted((ROOT/"data"/"runs").glob("*.json")):
        id, src = p.stem.rsplit(".", 1)
        rec = read_record(id, src)
        assert rec["scale"]=="full" and rec["source"]==src and id in known and len(p.read_text())<200_000
        assert rec["test_readings"]==sum(o["test_readings"] for o in rec["seeds"]) and all(commits_of(rec)), id
        if why := why_stale(rec) or ("" if len(rec["seeds"])>=known[id].seeds else f"{len(rec['seeds'])} of {known[id].seeds} seeds"):
            import warnings
            warnings.warn(f"{p.name}: {why}: asl_sweep --accept {id}, else asl_sweep {id}")

def test_what_a_verdict_or_a_shipped_model_stands_on_is_not_stale(known):
    from asl_course.tutorials.claims import CLAIMS
    from asl_course.predict import Predictor
    ids = {o[0] for c in CLAIMS for o in c.got+c.honest} | {Predictor().about.recipe, "outside.alone"}
    old = {id: why for id in sorted(ids) if (why := why_stale(read_record(id)))}
    assert not old, f"the ledger or the model card stands on them: asl_sweep --accept {' '.join(old)}"

def test_a_release_has_no_stale_record(known):
    version = next(l.split("=")[1].strip() for l in (ROOT/"settings.ini").read_text().splitlines() if l.startswith("version"))
    if run_git("tag", "--points-at", "HEAD", cwd=ROOT) not in (f"v{version}", version): pytest.skip("no release: a commit tagged with its version is one")
    old = [p.stem for p in (ROOT/"data"/"runs").glob("*.json") if why_stale(read_record(*p.stem.rsplit(".", 1)))]
    assert not old, old
