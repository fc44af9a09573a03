"Scale, seed, device, closeness, records."
import math, os, subprocess, sys
import numpy as np, pytest, torch
from hypothesis import given, settings, strategies as st
from asl_course import core
from asl_course.core import *

def test_no_torch_at_import():
    code = "import sys, asl_course.core, asl_course.commands; print([m for m in ('torch', 'pandas', 'matplotlib.pyplot', 'fastai', 'papermill', 'sklearn') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()=="[]"

def test_all_gives_the_lot():
    import asl_course.all as lot
    for o in "LETTERS load_letters Letters random_split Batches synth_letters accuracy fit show_hands run_recipe".split(): assert hasattr(lot, o) and o in lot.__all__, o

def test_names_of_all_are_of_nothing_else():
    "Not of PyTorch, NumPy or a module of ours, nor a plain word that says nothing; and no two modules export one name"
    import importlib, pkgutil, re
    import numpy, torch.nn as nn, torch.nn.functional as F
    import asl_course, asl_course.all as lot
    from asl_course.pages import library_modules
    taken = {*dir(torch), *dir(nn), *dir(F), *dir(numpy)}|{o.name for o in pkgutil.iter_modules(asl_course.__path__)}
    assert sorted({*lot.__all__}&taken)==[]
    vague = """ablate begin bound cast choice climb coarse compare conformal cost coverage difficulty draw flame floors gap growth identity interval
        joints kept knows means missing operations outputs peaks peer pose prepare raced rates record recovery render resolution resolved score shipped signatures sizes
        snapshots spans square stale start tail temperature timed turn wait warp widths workers world TRAIN TEST FORMAT OPSET SCHEMA SIZES SURE NETS MOVES""".split()
    assert sorted({*lot.__all__}&{*vague})==[]
    homes = {}
    for m in map(importlib.import_module, library_modules()):
        for n in m.__all__: homes.setdefault(n, []).append(m.__name__)
    assert {n: o for n, o in homes.items() if len(o)>1}=={}

def test_recipes_are_not_exported():
    import importlib
    from asl_course.pages import all_recipes
    shown = [r.id for r in all_recipes().values() if r.fn.__name__ in importlib.import_module(r.fn.__module__).__all__]
    assert shown==[]

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

@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8), st.floats(-3e-5, 3e-5), st.integers(0, 7))
def test_check_close_agrees_with_torch(values, by, at):
    "Their judge says the same of each pair; ours also says where"
    b = np.array(values)
    a = b.copy(); a[at%len(b)] += by*(1+abs(a[at%len(b)]))
    def fails(f):
        try: f()
        except AssertionError: return True
    theirs = lambda: torch.testing.assert_close(torch.tensor(a), torch.tensor(b), rtol=1e-5, atol=1e-5)
    assert fails(lambda: check_close(a, b))==fails(theirs)

def test_check_close_nan_and_inf():
    for a, b in (([math.nan], [math.nan]), ([math.inf], [1.]), ([1.], [math.nan])):
        with pytest.raises(AssertionError): check_close(a, b)

@pytest.fixture()
def toy():
    x = np.zeros((48, 28, 28), np.uint8)
    return Letters(x, np.arange(48)%24, x[:24], np.arange(24), "synth")

def test_the_test_file_is_behind_a_door_that_counts(toy):
    core.readings.begin()
    assert toy.rows==(48, 24) and "24 test pictures" in repr(toy) and toy.part(slice(5), slice(3)).rows==(5, 3) and toy.sample(9, 4).rows==(9, 4)
    assert core.readings.n==0, "knowing how many there are, and cutting, is no reading"
    for n in (1, 2):
        toy.x_test, toy.y_test
        assert core.readings.n==n, "pictures and letters together are one"
    toy.y_test; toy.y_test
    assert core.readings.n==4 and (core.readings.x, core.readings.y)==(2, 4)
    core.readings.begin()
    assert core.readings.n==0

def test_parts_hold_the_rows_asked_for(toy):
    toy.x[:] = np.arange(48)[:, None, None]
    some = toy.part([3, 1], slice(20, None))
    assert some.x[:, 0, 0].tolist()==[3, 1] and some.y.tolist()==[3, 1] and some.y_test.tolist()==[20, 21, 22, 23] and some.photo is None

def test_onnxruntime_is_told_to_be_silent():
    code = "import os, asl_course.core; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    env = {k: v for k, v in os.environ.items() if k!="ORT_DISABLE_TELEMETRY"}
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env).stdout.strip()=="1"
