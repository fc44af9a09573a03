"Nothing leaves the machine, and nothing is left on it: traced in a fresh home, as on a person's machine, not as in CI"
import os, re, shutil, subprocess, sys
from pathlib import Path
import pytest
from conftest import ROOT

BIN, STRACE = Path(sys.executable).parent, shutil.which("strace")
PHOTO = str(ROOT/"nbs"/"photos"/"L.png")
READ = f"from asl_course.predict import Predictor; print(Predictor(plain=True)({PHOTO!r}).letter)"
PROGRAMS = {
    "asl_predict": [str(BIN/"asl_predict"), PHOTO, "--plain"],
    "Predictor": [sys.executable, "-c", READ],
    "after torch": [sys.executable, "-c", f"import torch, onnx; {READ}"],
    "HandReader": [sys.executable, "-c", "import numpy as np; from asl_course.joints import HandReader; p = HandReader().probs(np.random.default_rng(0).random((21, 3))*99); print('L' if p.shape==(1, 24) else p.shape)"],
    "onnxruntime by hand": [sys.executable, "-c", f"from asl_course.core import LETTERS; import onnxruntime; {READ}"]}

def quiet_home(tmp_path):
    "What a program started by a person finds: a home with nothing in it, and no variable of CI or of these tests"
    home = tmp_path/"home"; home.mkdir()
    return home, {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}

def traced(command, env, tmp_path, here=None):
    "(what it printed, system calls that name a host or connect to one); without a tracer the second is None"
    log = tmp_path/"trace"
    tracer = [STRACE, "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(log)] if STRACE else []
    res = subprocess.run(tracer+command, env=env, capture_output=True, text=True, cwd=here or tmp_path)
    assert res.returncode==0, res.stderr
    return res.stdout, [l for l in log.read_text().splitlines() if re.search(r"AF_INET6?\b|sendmmsg", l)] if tracer else None

def test_looking_for_a_hand_writes_nothing_and_asks_nobody(tmp_path):
    from asl_course.joints import find_hand_model, hands_missing
    from asl_course.predict import find_photos
    if why := hands_missing() or (None if find_photos() else "the photographs are not here"): pytest.skip(f"{why}; CI runs this where both lie beside the data")
    home, env = quiet_home(tmp_path)
    photo = sorted((find_photos()/"photos").glob("L_*.jpg"))[2]
    look = f"from asl_course.joints import find_hand; print(find_hand({str(photo)!r}).joints.shape)"
    said, calls = traced([sys.executable, "-c", look], env|{"ASL_DATA": str(find_hand_model().parent.parent)}, tmp_path)
    assert "(21, 3)" in said
    left = [str(p.relative_to(home)) for p in home.rglob("*") if p.is_file()]
    assert not left, f"looking for a hand left files in the home folder: {left}"
    assert not calls, f"looking for a hand asked another host: {calls[:3]}"

@pytest.mark.parametrize("name", PROGRAMS)
def test_reading_writes_nothing_and_asks_nobody(name, tmp_path):
    home, env = quiet_home(tmp_path)
    said, calls = traced(PROGRAMS[name], env, tmp_path)
    assert " L " in f" {said.strip()} "
    left = [str(p.relative_to(home)) for p in home.rglob("*") if p.is_file()]
    assert not left, f"{name} left files in the home folder: {left}"
    assert not calls, f"{name} asked another host: {calls[:3]}"

OTHERS = ".cache/matplotlib", ".ipython" # matplotlib's list of fonts, and the readme of IPython's profile: as in any notebook

def leaves(home):
    "Files in a home folder, but for the course's cache and what every notebook leaves"
    known = {home/o for o in (".cache/asl_course", *OTHERS)}
    return [str(p.relative_to(home)) for p in home.rglob("*") if p.is_file() and not known&set(p.parents)]

WORK = {"asl_train": ["asl_train", "--scale", "smoke", "--source", "synth", "--out", "model"], "a page": ["asl_run", "01", "--scale", "smoke", "--out", "{out}"]}

@pytest.mark.parametrize("name", WORK)
def test_work_writes_to_the_cache_alone_and_asks_nobody(name, tmp_path):
    home, env = quiet_home(tmp_path)
    program, *args = [o.format(out=tmp_path/"out") for o in WORK[name]]
    here = ROOT if name=="a page" else tmp_path # pages are found from the repository
    said, calls = traced([str(BIN/program), *args], env|{"ASL_SOURCE": "synth", "OMP_NUM_THREADS": "1"}, tmp_path, here)
    assert "test accuracy" in said, said[-500:]
    assert not leaves(home), f"{name} left files in the home folder: {leaves(home)}"
    away = [o for o in calls or () if '"127.0.0.1"' not in o] # a kernel is spoken to within the machine
    assert not away, f"{name} asked another host: {away[:3]}"

@pytest.mark.skipif(not STRACE, reason="no strace here; CI's machine has it")
def test_the_tracer_sees_a_connection(tmp_path):
    _, env = quiet_home(tmp_path)
    call = "import socket\ntry: socket.create_connection(('127.0.0.1', 9), 1)\nexcept OSError: print('tried')"
    said, calls = traced([sys.executable, "-c", call], env, tmp_path)
    assert "tried" in said and len(calls)==1
