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
    def args(name): return ["asl_train", "--scale", "smoke", "--source", "synth", "--out", str(tmp_path/name)]
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
