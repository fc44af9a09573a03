"Scale, seed, device, closeness, records."
import json, math, subprocess, sys
import numpy as np, pytest, torch
from hypothesis import given, strategies as st
from asl_course import core
from asl_course.core import *

def test_no_torch_at_import():
    code = "import sys, asl_course.core, asl_course.commands; print([m for m in ('torch', 'pandas', 'matplotlib.pyplot', 'fastai', 'papermill', 'sklearn') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()=="[]"

def test_all_gives_the_lot():
    import asl_course.all as lot
    for o in "LETTERS load_letters Letters random_split Batches synth_letters accuracy cross_entropy show_hands run_recipe".split(): assert hasattr(lot, o) and o in lot.__all__, o

@pytest.mark.parametrize("given,env,in_test,want", [(None, None, None, "full"), (None, None, "1", "smoke"), (None, "full", "1", "full"), ("smoke", "full", None, "smoke"), ("full", "smoke", "1", "full"), (None, "", "1", "smoke")])
def test_scale(monkeypatch, given, env, in_test, want):
    for k, v in (("ASL_SCALE", env), ("IN_TEST", in_test)): monkeypatch.delenv(k, raising=False) if v is None else monkeypatch.setenv(k, v)
    assert pick_scale(given)==want

def test_wrong_choices_name_their_origin(monkeypatch):
    with pytest.raises(ValueError, match="the parameter `scale` is 'Full'"): pick_scale("Full")
    monkeypatch.setenv("ASL_SCALE", "tiny"); monkeypatch.setenv("ASL_SOURCE", "web"); monkeypatch.setenv("ASL_DEVICE", "tpu9")
    with pytest.raises(ValueError, match="the variable ASL_SCALE is 'tiny'"): pick_scale()
    with pytest.raises(ValueError, match="the variable ASL_SOURCE is 'web'"): pick_source()
    with pytest.raises(ValueError, match="tpu9"): pick_device()
    assert pick_source("synth")=="synth" and pick_device("cpu")==torch.device("cpu")

@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU; machines without one test this")
def test_absent_gpu():
    with pytest.raises(ValueError, match="this machine has no device 'cuda'"): pick_device("cuda")

@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "1", None, True])
def test_bad_seed(seed):
    with pytest.raises(ValueError, match="expected a whole number"): set_seed(seed)

@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.integers(0, 19), st.floats(1e-3, 1e3))
def test_check_close(values, at, by):
    a = np.array(values); b = a.copy(); check_close(a, b)
    b[at%len(b)] += by+2e-5*abs(b[at%len(b)])
    with pytest.raises(AssertionError, match=rf"at \({at%len(b)},\)"): check_close(a, b)

def test_check_close_nan_and_inf():
    for a, b in (([math.nan], [math.nan]), ([math.inf], [1.]), ([1.], [math.nan])):
        with pytest.raises(AssertionError): check_close(a, b)

def test_mean_interval_covers():
    rng = np.random.default_rng(0)
    held = np.mean([abs(m)<=h for m, h in (mean_interval(rng.normal(size=5)) for _ in range(2000))])
    assert .93<held<.97

@pytest.fixture()
def toy():
    x = np.zeros((48, 28, 28), np.uint8)
    return Letters(x, np.arange(48)%24, x[:24], np.arange(24), "synth")

def fake(letters, seed, device, scale, lr=.1):
    core.count_reading(); core.count_reading()
    return {"valid": {"acc": seed/100}, "_model": object()}

@pytest.fixture()
def fake_recipe():
    recipe("99.fake", "A fake", claims="T1.1", seeds=3, lr=.5)(fake)
    yield "99.fake"
    del core.recipes["99.fake"]

def test_record_is_complete(toy, fake_recipe, tmp_path):
    for s in (43, 42, 43): run_recipe(fake_recipe, toy, s, scale="smoke", folder=tmp_path)
    rec = read_record(fake_recipe, "synth", tmp_path)
    assert [o["seed"] for o in rec["seeds"]]==[42, 43] and rec["test_readings"]==4 and rec["settings"]=={"lr": .5} and rec["claims"]==["T1.1"]
    assert rec["scale"]=="smoke" and rec["rows"]==[48, 24] and seed_values(rec, "valid.acc")==[.42, .43]
    assert set(rec["seeds"][0])=={"seed", "seconds", "device", "torch", "test_readings", "metrics"} and "_model" not in rec["seeds"][0]["metrics"]
    assert is_recorded(fake_recipe, toy, 42, "smoke", tmp_path) and not is_recorded(fake_recipe, toy, 42, "full", tmp_path) and not is_recorded(fake_recipe, toy, 44, "smoke", tmp_path)

def test_a_page_that_is_run_again_keeps_the_record(toy, fake_recipe, tmp_path, monkeypatch):
    for seed in (42, 43): run_recipe(fake_recipe, toy, seed, scale="smoke", folder=tmp_path)
    path = tmp_path/f"{fake_recipe}.synth.json"
    path.write_text(path.read_text().replace('"seconds": 0.0', '"seconds": 9.5'))
    monkeypatch.setenv("ASL_REFRESH", "1")
    for seed in (42, 44): run_recipe(fake_recipe, toy, seed, scale="smoke", folder=tmp_path)
    assert [(o["seed"], o["seconds"]) for o in read_record(fake_recipe, "synth", tmp_path)["seeds"]]==[(42, 9.5), (43, 9.5), (44, 0.)]
    monkeypatch.delenv("ASL_REFRESH")
    run_recipe(fake_recipe, toy, 42, scale="smoke", folder=tmp_path)
    assert [o["seconds"] for o in read_record(fake_recipe, "synth", tmp_path)["seeds"]]==[0., 9.5, 0.]

def test_a_recipe_may_pass_settings_on(toy, tmp_path):
    def passed(letters, seed, device, scale, lr=.1, **settings): return dict(test=dict(acc=settings["mood"]))
    try:
        recipe("99.passed", "Passes on", mood=.25)(passed)
        run_recipe("99.passed", toy, 42, scale="smoke", folder=tmp_path)
        assert read_record("99.passed", toy.source, tmp_path)["settings"]==dict(lr=.1, mood=.25)
    finally: recipes.pop("99.passed", None)

def test_on_record_leaves_out_what_was_measured_here(toy, fake_recipe, tmp_path, monkeypatch):
    for seed in (42, 43): run_recipe(fake_recipe, toy, seed, scale="full", folder=tmp_path)
    monkeypatch.setattr(core, "records_folder", lambda write=False: tmp_path)
    shown = show_record(fake_recipe, ["valid.acc"], ["accuracy"], source="synth")
    assert len(shown)>=2
    both = on_record({"a": shown, "b": shown})
    assert list(both.index)==["a", "b"] and both.index.name=="from the record" and (both.accuracy==shown.accuracy.iloc[0]).all() and (both.seeds==2).all()
    deep = on_record({("a", 1): shown, ("a", 2): shown})
    assert list(deep.index)==[("a", 1), ("a", 2)] and deep.index.names==["from the record", None]

def test_other_scale_or_data_begins_anew(toy, fake_recipe, tmp_path):
    run_recipe(fake_recipe, toy, 42, scale="smoke", folder=tmp_path)
    run_recipe(fake_recipe, toy, 43, scale="full", folder=tmp_path)
    assert [o["seed"] for o in read_record(fake_recipe, "synth", tmp_path)["seeds"]]==[43]

@pytest.mark.parametrize("spoil,match", [(lambda r: "{", "is not JSON"), (lambda r: json.dumps({**r, "schema": 99}), "schema 99"), (lambda r: json.dumps({k: v for k, v in r.items() if k!="code"}), "lacks code")])
def test_bad_records_are_named(toy, fake_recipe, tmp_path, spoil, match):
    run_recipe(fake_recipe, toy, 42, scale="smoke", folder=tmp_path)
    f = tmp_path/"99.fake.synth.json"; f.write_text(spoil(json.loads(f.read_text())))
    with pytest.raises(ValueError, match=match): read_record(fake_recipe, "synth", tmp_path)

def test_unknown_metric_and_recipe(toy, fake_recipe, tmp_path):
    run_recipe(fake_recipe, toy, 42, scale="smoke", folder=tmp_path)
    with pytest.raises(KeyError, match="no metric 'test.acc'"): seed_values(read_record(fake_recipe, "synth", tmp_path), "test.acc")
    with pytest.raises(KeyError, match="no recipe '99.none'"): run_recipe("99.none", toy)

def test_syntax_is_hashed_the_same_by_any_python():
    "`ast.unparse` writes f-strings otherwise from 3.12 on; the shape of the tree stays, whatever is empty or new"
    import ast
    from asl_course.core import _shape
    one, other = (_shape(ast.parse(o)) for o in ("""f"{x!r:>{w}} 'a'"; y = [1, None]""", """f'{x!r:>{w}} \\'a\\''\ny = [ 1,None ]"""))
    assert one==other!=_shape(ast.parse("y = [1, 2]"))
    assert "type_params" not in repr(_shape(ast.parse("def f(): pass"))) and "type_ignores" not in repr(one)

def test_code_hash_sees_what_is_called():
    import linecache, types
    def build(body):
        src = f"def helper(x): return {body}\ndef f(x):\n    'doc'\n    return helper(x) # why\n"
        name, mod = f"<{body}>", types.ModuleType("asl_course.fake")
        linecache.cache[name] = (len(src), None, src.splitlines(True), name)
        exec(compile(src, name, "exec"), vars(mod)); return mod.f
    assert code_hash(build("x+1"))==code_hash(build("x+1"))!=code_hash(build("x+2"))

def test_a_sweep_keeps_the_hash_it_began_with(toy, fake_recipe, tmp_path):
    "Files may be edited while a sweep runs: what runs is what was loaded"
    core.recipes[fake_recipe].code = "fixed"
    run_recipe(fake_recipe, toy, 42, scale="smoke", folder=tmp_path)
    assert read_record(fake_recipe, "synth", tmp_path)["code"]=="fixed" and is_recorded(fake_recipe, toy, 42, "smoke", tmp_path)

@pytest.mark.parametrize("n", [1, 7, 24])
def test_sample_keeps_rows_together(toy, n):
    s = toy.sample(n, n, 3)
    assert len(s.y)==len(s.x)==n and s.photo is None and toy.sample(999, 999).x.shape==toy.x.shape
