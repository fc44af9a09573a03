"""Killed at any moment, and begun again: nothing lost, nothing half-written, the same result.

`ASL_KILLS` says at how many random moments (the nightly workflow asks for twenty)."""
import json, os, random, subprocess, sys, time
from pathlib import Path
import pytest
from safetensors.numpy import load_file

BIN = Path(sys.executable).parent
KILLS = int(os.environ.get("ASL_KILLS", "2"))
pytestmark = pytest.mark.skipif(sys.platform=="win32", reason="killing without a word is another thing there; the other systems of the matrix test this")

def whole(args, env):
    "Run to the end; how long that took"
    t = time.perf_counter()
    res = subprocess.run([str(BIN/args[0]), *args[1:]], env=env, capture_output=True, text=True)
    assert not res.returncode, res.stderr[-500:]
    return time.perf_counter()-t

def killed(args, env, after):
    "Run, and kill without a word after so many seconds"
    p = subprocess.Popen([str(BIN/args[0]), *args[1:]], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try: p.wait(after)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, 9)
        p.wait()

def metrics(folder):
    "What the records of a folder say, seed by seed, apart from times"
    out = {}
    for f in sorted(folder.glob("*.json")):
        rec = json.loads(f.read_text(encoding="utf-8")) # whole, or this fails
        out[f.name] = {s["seed"]: s["metrics"] for s in rec["seeds"]}
    return out

def test_a_sweep(tmp_path):
    args = ["asl_sweep", "data.floors", "--scale", "smoke", "--source", "synth", "--seeds", "3", "--jobs", "1"]
    def env(name): return {**os.environ, "ASL_RECORDS": str(tmp_path/name)}
    takes = whole(args, env("whole"))
    rng, kept = random.Random(0), {}
    for _ in range(KILLS):
        killed(args, env("cut"), rng.uniform(0, takes))
        now = metrics(tmp_path/"cut") if (tmp_path/"cut").exists() else {}
        for name, seeds in kept.items(): assert now[name].items()>=seeds.items(), "a seed that was kept is lost"
        kept = now
    whole(args, env("cut"))
    want = metrics(tmp_path/"whole")
    assert want and metrics(tmp_path/"cut")==want
    assert {o.name for o in (tmp_path/"cut").iterdir()}=={o.name for o in (tmp_path/"whole").iterdir()}, "something was left lying about"

def test_a_training(tmp_path):
    def args(name): return ["asl_train", "--scale", "smoke", "--source", "synth", "--force", "--out", str(tmp_path/name)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    takes, rng = whole(args("whole"), env), random.Random(1)
    want = load_file(tmp_path/"whole"/"reader.safetensors")
    for _ in range(max(1, KILLS//2)):
        killed(args("cut"), env, rng.uniform(.3*takes, takes))
        for f in (tmp_path/"cut").glob("*.safetensors"): load_file(f) # whole, or none
    whole(args("cut"), env)
    got = load_file(tmp_path/"cut"/"reader.safetensors")
    assert got.keys()==want.keys() and all((got[k]==want[k]).all() for k in want)
    assert {o.name for o in (tmp_path/"cut").iterdir()}=={o.name for o in (tmp_path/"whole").iterdir()}, "something was left lying about"

@pytest.fixture()
def photographs(tmp_path):
    "A folder of photographs sorted by letter"
    import shutil
    from asl_course.joints import hands_missing
    from asl_course.predict import find_photos, photo_letters
    if why := hands_missing() or (None if find_photos() else "the photographs are not here"): pytest.skip(f"{why}; CI runs this where both lie beside the data")
    for f, letter in photo_letters(find_photos())[::6]:
        (tmp_path/"mine"/letter).mkdir(parents=True, exist_ok=True)
        shutil.copy(f, tmp_path/"mine"/letter/f.name)
    return tmp_path/"mine"

def test_a_measuring(photographs, tmp_path):
    import numpy as np
    def args(name): return ["asl_data", "--joints", str(photographs), "--out", str(tmp_path/name), "--force"]
    env = {**os.environ}
    takes, rng = whole(args("whole.npz"), env), random.Random(2)
    for _ in range(KILLS):
        killed(args("cut.npz"), env, rng.uniform(.2*takes, takes))
        for f in tmp_path.glob("cut*.npz"): np.load(f, allow_pickle=False).files # whole, or none
    whole(args("cut.npz"), env)
    a, b = (np.load(tmp_path/f"{o}.npz") for o in ("whole", "cut"))
    assert a.files==b.files and all(np.array_equal(a[k], b[k], equal_nan=a[k].dtype.kind=="f") for k in a.files)
    assert sorted(o.name for o in tmp_path.iterdir())==["cut.npz", "mine", "whole.npz"], "something was left lying about"

def test_a_refreshing(tmp_path):
    from asl_course.files import CSV_SHA256, find_real, read_letters, repo_root
    found = find_real()
    if not found or list(read_letters(found[1]).sha256.values())!=list(CSV_SHA256.values()): pytest.skip("the published files are not here; CI runs this where they are")
    clone = tmp_path/"clone"
    subprocess.run(["git", "clone", "-q", str(repo_root()), str(clone)], check=True)
    page = clone/"nbs"/"21_files.ipynb"
    env, args = {**os.environ, "PYTHONPATH": str(clone), "ASL_DATA": str(found[1])}, ["asl_refresh", "21_files"]
    def run(f, *more):
        here = os.getcwd(); os.chdir(clone)
        try: return f(args, env, *more)
        finally: os.chdir(here)
    def cells(): return [(o["source"], bool(o.get("outputs"))) for o in json.loads(page.read_text(encoding="utf-8"))["cells"]]
    takes, before, rng = run(whole), page.read_bytes(), random.Random(3)
    want = cells()
    for _ in range(max(1, KILLS//2)):
        run(killed, rng.uniform(.2*takes, takes))
        assert page.read_bytes()==before or cells()==want, "the page is neither the old one nor the new one"
    run(whole)
    assert cells()==want
    left = subprocess.run(["git", "status", "--porcelain", "--ignored"], cwd=clone, capture_output=True, text=True).stdout
    assert not [l for l in left.splitlines() if "__pycache__" not in l and not l.endswith("21_files.ipynb")], left
