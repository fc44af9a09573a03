"The commands, as a person types them."
import json, os, shutil, subprocess, sys
from pathlib import Path
import pytest
from conftest import ROOT, NBS
from warm import Warm

BIN = Path(sys.executable).parent
def start(*args, cwd=None, **env): return subprocess.run([str(BIN/args[0]), *args[1:]], capture_output=True, text=True, env={**os.environ, **env}, cwd=cwd)

_warm = Warm()
run = _warm if hasattr(os, "fork") else start # a fork of a process that has imported the library, where there are forks

@pytest.fixture(scope="module", autouse=True)
def _cold_at_the_end():
    yield
    _warm.close()

COMMANDS = [l.split("=")[0].strip() for l in (ROOT/"settings.ini").read_text().split("console_scripts = ")[1].splitlines() if "=" in l]

@pytest.mark.parametrize("name", COMMANDS)
def test_help(name):
    res = start(name, "--help")
    assert res.returncode==0 and "usage:" in res.stdout and not res.stderr

BAD = [("asl_run", "00", "--scale", "tiny"), ("asl_run", "00", "--seed", "-1"), ("asl_run", "00", "--device", "toaster"), ("asl_run", "00", "--source", "web"), ("asl_run", "00", "--jobs", "0"), ("asl_run", "nothing"),
       ("asl_work", "nothing"), ("asl_work", "--reset"), ("asl_refresh", "nothing"), ("asl_sweep",), ("asl_sweep", "nothing.*"), ("asl_sweep", "data.floors", "--scale", "tiny"), ("asl_sweep", "data.floors", "--device", "toaster"),
       ("asl_sweep", "data.floors", "--seeds", "0"), ("asl_sweep", "--accept", "--jobs", "0"), ("asl_train", "--scale", "big"), ("asl_train", "--seed", "-1"), ("asl_train", "--device", "toaster"), ("asl_train", "--source", "web"),
       ("asl_predict", "A.png", "--crop", "1,2,3"), ("asl_predict", "A.png", "--crop", "a,b,c,d"), ("asl_predict", "A.png", "--top", "0"), ("asl_predict", "A.png", "--model", "none.onnx"), ("asl_predict", "none.png"), ("asl_bench", "nothing"), ("asl_bench", "--device", "toaster")]

@pytest.mark.parametrize("args", BAD, ids=" ".join)
def test_bad_input_is_a_sentence_and_exit_status_2(args, tmp_path):
    res = run(*args, ASL_DATA=str(tmp_path), ASL_RECORDS=str(tmp_path), cwd=str(tmp_path))
    assert res.returncode==2 and "Traceback" not in res.stderr and len(res.stderr.strip().splitlines())==1 and res.stderr.strip(), res.stderr
    assert "Data:" not in res.stdout and not list(tmp_path.iterdir()), "refused before anything is loaded or written"

def test_a_closed_pipe_is_silent(tmp_path):
    res = subprocess.run(f"'{BIN/'asl_predict'}' '{ROOT/'nbs'/'photos'}' | head -1", shell=True, capture_output=True, text=True)
    assert "A.png" in res.stdout and not res.stderr

@pytest.mark.skipif(sys.platform=="win32", reason="Windows has no SIGINT for a child; the other systems of the matrix test this")
def test_ctrl_c_is_a_word_and_130(tmp_path):
    import signal, time
    env = {**os.environ, "ASL_SOURCE": "synth"}
    p = subprocess.Popen([str(BIN/"asl_train"), "--out", str(tmp_path), "--source", "synth", "--scale", "smoke"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    p.stdout.readline() # it has begun
    p.send_signal(signal.SIGINT)
    _, said = p.communicate(timeout=180)
    assert p.returncode==130 and said.strip().splitlines()[-1]=="asl_train: stopped" and "Traceback" not in said

def test_names_in_any_alphabet_on_any_console(tmp_path):
    for name in ("手.png", "a.png"): shutil.copy(ROOT/"nbs"/"photos"/"L.png", tmp_path/name)
    for json_too in ((), ("--json",)):
        res = subprocess.run([str(BIN/"asl_predict"), str(tmp_path/"手.png"), str(tmp_path/"a.png"), *json_too], capture_output=True, env={**os.environ, "PYTHONIOENCODING": "cp1252"})
        assert res.returncode==0 and len(res.stdout.splitlines())==2 and b"\\u624b.png" in res.stdout and not res.stderr, res

@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    "The package alone, as it is installed without the repository"
    from test_docs import copy_to
    d = tmp_path_factory.mktemp("plain"); copy_to(d/"src")
    res = subprocess.run([sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(d/"lib")], cwd=d/"src", capture_output=True, text=True)
    assert res.returncode==0, res.stderr
    shutil.rmtree(d/"src")
    where = dict(PYTHONPATH=str(d/"lib"), ASL_CACHE=str(d/"cache"))
    def command(name, *args, **env):
        code = f"import sys; from asl_course.commands import {name}; sys.argv = ['{name}', *sys.argv[1:]]; sys.exit({name}())"
        script = d/f"{name}.py"; script.write_text(code)
        return subprocess.run([sys.executable, str(script), *args], cwd=d, capture_output=True, text=True, env={**os.environ, **where, **env})
    if not hasattr(os, "fork"):
        yield command
        return
    warm = Warm(**where)
    yield lambda *args, **env: warm(*args, cwd=d, **env)
    warm.close()

def test_a_plain_installation_says_what_it_lacks(plain):
    for name, *args in (("asl_run",), ("asl_run", "01"), ("asl_run", "--list"), ("asl_work",), ("asl_refresh",)):
        res = plain(name, *args)
        assert res.returncode==2 and res.stderr.strip()==f"{name}: the chapters come with the repository, and this is a plain installation. Clone the repository and run `make course` there.", res.stderr
    res = plain("asl_sweep", "--accept", "data.floors"); assert res.returncode==2 and "a verdict needs the repository with its history, and git" in res.stderr and "Traceback" not in res.stderr
    from asl_course.pages import records_table
    unfinished = (records_table(ROOT/"data"/"runs").state!="").any() # something is stale, or lacks seeds
    res = plain("asl_records", ASL_RECORDS=""); assert res.returncode==int(unfinished) and "t4.stated.real" in res.stdout, res.stderr
    res = plain("asl_predict", str(ROOT/"nbs"/"photos"/"L.png")); assert res.returncode==0 and " L " in res.stdout

def test_what_cannot_be_written_is_said(tmp_path):
    (tmp_path/"file").write_text("in the way")
    res = run("asl_run", "teaching", "--scale", "smoke", "--out", str(tmp_path/"file"/"out")); assert res.returncode==2 and "`--out` names another folder" in res.stderr and "Traceback" not in res.stderr
    res = run("asl_train", "--scale", "smoke", "--source", "synth", "--out", str(tmp_path/"file"/"model")); assert res.returncode==2 and "nothing can be written to" in res.stderr and "Data:" not in res.stdout
    res = run("asl_data", "--synth", str(tmp_path/"file")); assert res.returncode==2 and "Traceback" not in res.stderr

def test_doctor(tmp_path):
    res = run("asl_doctor", ASL_CACHE=str(tmp_path))
    assert res.returncode==0, res.stdout+res.stderr
    for o in ("Python", "packages", "torch", "processor", "GPU", "data", "cache", str(tmp_path), "chapters"): assert o in res.stdout, o

def test_doctor_says_what_to_do(tmp_path):
    res = run("asl_doctor", ASL_DATA="/nowhere")
    assert "ASL_DATA names a folder, zip or file that is not there" in res.stdout and "!!" in res.stdout and res.returncode==1

def test_data_synth_convert_check_clear(tmp_path):
    from asl_course.files import cache_folder
    from asl_course.data import load_letters
    load_letters("synth"); shutil.copytree(cache_folder()/"synth", tmp_path/"cache"/"synth") # the hands that chapters have drawn already
    env = dict(ASL_CACHE=str(tmp_path/"cache"))
    res = run("asl_data", "--synth", str(tmp_path/"csv"), **env)
    assert res.returncode==0 and sorted(o.name for o in (tmp_path/"csv").iterdir())==["sign_mnist_test.csv", "sign_mnist_train.csv"]
    res = run("asl_data", "--check", **env, ASL_DATA=str(tmp_path/"csv"))
    assert res.returncode==1 and "not the published files" in res.stdout
    res = run("asl_data", "--convert", str(tmp_path/"again"), **env, ASL_DATA=str(tmp_path/"csv"))
    assert (tmp_path/"again"/"sign_mnist_train.csv").read_bytes()==(tmp_path/"csv"/"sign_mnist_train.csv").read_bytes()
    assert list((tmp_path/"cache").rglob("*.safetensors"))
    assert run("asl_data", "--clear", **env).returncode==0 and not list((tmp_path/"cache").rglob("*.safetensors"))

def test_data_errors_are_one_line():
    res = run("asl_data", "--check", ASL_DATA="relative")
    assert res.returncode==2 and "expected an absolute path" in res.stderr and "Traceback" not in res.stderr

def test_run_unknown_chapter_and_recipe():
    res = run("asl_run", "99"); assert res.returncode==2 and "no chapter 99; there are" in res.stderr and "Traceback" not in res.stderr
    res = run("asl_sweep", "none.x", "--source", "synth", ASL_RECORDS="/nowhere"); assert res.returncode==2 and "no recipe none.x; " in res.stderr and "Traceback" not in res.stderr
    for old, new in ((("--sweep", "t4.stated,t1.stated"), "asl_sweep t4.stated t1.stated"), (("--table",), "asl_records"), (("--reset", "02"), "asl_work --reset 02"), (("02", "--refresh"), "asl_refresh 02"), (("--work",), "asl_work")):
        res = run("asl_run", *old); assert res.returncode==2 and res.stderr.strip()==f"asl_run: this is a command of its own now: {new}"

def test_run_wrong_choices():
    for args, what in ((("--scale", "tiny"), "'tiny'"), (("--source", "web"), "'web'"), (("--device", "toaster"), "'toaster'"), (("--jobs", "0"), "--jobs is 0: expected at least 1")):
        res = run("asl_run", "00", *args); assert res.returncode==2 and what in res.stderr and "Traceback" not in res.stderr

def test_a_failing_chapter_fails_the_run(tmp_path):
    "25 finds no real file: the chapter is named, the next one still runs, rows come in the order asked for, and the exit code says so"
    res = run("asl_run", "25", "teaching", "--scale", "smoke", "--source", "real", "--jobs", "2", "--out", str(tmp_path), ASL_DATA=str(tmp_path))
    rows = res.stdout.splitlines()
    assert res.returncode==1 and [r.split()[0] for r in rows[:4]]==["page", "25_patches", "teaching", "all"], res.stdout+res.stderr
    assert "FAILED" in rows[1] and "DataError" in rows[1] and "plans: 4" in rows[2] and "1 of 2 pages ran" in rows[3] and "asl_run 25" in rows[4]

def test_run_one_chapter(tmp_path):
    res = run("asl_run", "teaching", "--scale", "smoke", "--out", str(tmp_path), CI="1")
    assert res.returncode==0 and "plans: 4" in res.stdout and "1 of 1 pages ran" in res.stdout and "make lab" in res.stdout
    assert (tmp_path/"teaching.ipynb").exists()

def test_chapters_run_at_once_and_a_death_is_reported(tmp_path):
    "Two pages that each wait for the other end only when they run side by side; one whose kernel dies leaves the others alone; a lost process stops the run"
    import nbformat as nbf
    from asl_course.pages import run_chapters
    def page(name, code):
        nb = nbf.v4.new_notebook(cells=[nbf.v4.new_code_cell(code)]); nb.metadata["kernelspec"] = {"name": "python3", "display_name": "python3", "language": "python"}
        nbf.write(nb, tmp_path/f"{name}.ipynb"); return tmp_path/f"{name}.ipynb"
    meet = "import os, time\nopen({!r}, 'w').close()\nfor _ in range(600):\n    if os.path.exists({!r}): break\n    time.sleep(.1)\nelse: raise TimeoutError"
    a, b = str(tmp_path/"a"), str(tmp_path/"b")
    pages = [page("one", meet.format(a, b)), page("two", meet.format(b, a)), page("dies", "import os; os._exit(1)"), page("last", "import os; assert int(os.environ['OMP_NUM_THREADS'])>0")]
    res = list(run_chapters(pages, tmp_path/"out", {}, 2, False))
    assert [r["chapter"] for r in res]==["one", "two", "dies", "last"] and [r["error"] and r["error"][:15] for r in res]==[None, None, "the kernel died", None]
    kill = page("kill", "import os, signal; os.kill(os.getppid(), getattr(signal, 'SIGKILL', signal.SIGTERM))")
    with pytest.raises(RuntimeError, match="a process was lost while .*kill.* ran.*--jobs 1"): list(run_chapters([pages[-1], kill], tmp_path/"out", {}, 2, False))

def test_run_takes_the_chapters_or_everything(monkeypatch):
    "Without a name the chapters, as the README says of `make course`; `all` is everything that there is"
    from asl_course import commands
    pages = [p.path for p in commands.contents()]
    asked = {}
    monkeypatch.setattr(commands, "_run_pages", lambda pages, *_: asked.update(pages=pages) or 0)
    def of(*which): commands.asl_run.__wrapped__(which, scale="smoke"); return [p.relative_to(ROOT/"nbs").as_posix() for p in asked["pages"]]
    numbered = [p.name for p in pages if p.parent.name=="nbs" and p.name[:2].isdigit() and 0<int(p.name[:2])<20]
    assert of()==numbered and len(numbered)==19 and of("02", "teaching")==["02_scratch.ipynb", "teaching.ipynb"]
    assert len(of("all"))==len(pages) and "solutions/s02_scratch.ipynb" in of("all")

def test_run_list():
    out = run("asl_run", "--list").stdout
    assert "02_scratch" in out and "t4.shuffled" in out

def test_rendered_files_are_never_recorded_as_real(tmp_path):
    from asl_course.files import write_letters_csv, TRAIN_CSV, TEST_CSV
    import numpy as np
    for n in (TRAIN_CSV, TEST_CSV): write_letters_csv(np.zeros((24, 28, 28), np.uint8), np.arange(24), tmp_path/n)
    before = {p.name: p.read_bytes() for p in (ROOT/"data"/"runs").iterdir()}
    for args in (("asl_sweep", "data.counts"), ("asl_refresh", "00")):
        res = run(*args, ASL_DATA=str(tmp_path), ASL_RECORDS="")
        assert res.returncode==2 and ("not the published ones" in res.stderr or "changes that no commit holds" in res.stderr) and "Traceback" not in res.stderr
    assert before=={p.name: p.read_bytes() for p in (ROOT/"data"/"runs").iterdir()}

def test_sweep_resumes(tmp_path):
    from asl_course.pages import run_sweep
    args = ("asl_sweep", "data.floors", "--seeds", "2", "--scale", "smoke", "--source", "synth")
    assert "2 runs added" in run(*args, ASL_RECORDS=str(tmp_path)).stdout
    out = run(*args, ASL_RECORDS=str(tmp_path)).stdout
    assert out.count("recorded already")==2 and "0 runs added" in out
    assert run_sweep(["data.floors"], "synth", "smoke", seeds=3, folder=tmp_path)==1
    assert [o["seed"] for o in json.loads((tmp_path/"data.floors.synth.json").read_text())["seeds"]]==[42, 43, 44]

def test_work_copies_are_never_overwritten(tmp_path, monkeypatch):
    from asl_course.pages import copy_chapters
    assert set(copy_chapters(tmp_path))=={p.stem for p in NBS}
    mine = tmp_path/"1-letters"/"02_scratch.ipynb"; fresh = mine.read_bytes(); mine.write_text("my notes")
    assert copy_chapters(tmp_path)==[] and mine.read_text()=="my notes"
    assert copy_chapters(tmp_path, ["02"], fresh=True)==["02_scratch"]
    assert mine.read_bytes()==fresh and (mine.parent/"02_scratch.old.ipynb").read_text()=="my notes"

def test_bench_row_that_cannot_run():
    from asl_course import bench as c
    @c.bench("zz-absent", "needs what is not here")
    def _(ctx): raise ImportError("no module named absent")
    lines = []
    try: res = c.run_bench(["zz-absent"], "synth", True, progress=lines.append)
    finally: del c.bench_rows["zz-absent"]
    assert res["rows"]==[] and "not here: no module named absent" in lines[-1]

def test_bench_counts_in_turn():
    from asl_course.bench import time_pair
    seen = []
    res = time_pair(lambda: (seen.append("a"), 2.)[1], lambda: (seen.append("b"), 6.)[1], 3)
    assert "".join(seen)=="ab"*4 and res["ratio"]==3. and res["ours"]==2. and res["peer_range"]==[6., 6.]

def test_bench_says_when_a_row_is_noisy_and_what_it_noted():
    from asl_course import bench as c
    times, lines, calls = iter([1., 1., 1., 5.]*50), [], []
    @c.bench("zz-noisy", "jumps")
    def _(ctx): return lambda: next(times), "steady", lambda: 1.
    @c.bench("zz-once", "runs once", repeats=1)
    def _(ctx):
        def ours(): calls.append(1); ctx.note = "a note"; return 2.
        return ours, "steady", lambda: 6.
    try: res = c.run_bench(["zz-*"], "synth", True, progress=lines.append)
    finally: del c.bench_rows["zz-noisy"], c.bench_rows["zz-once"]
    assert res["rows"][0]["spread"]>.2 and "noisy: spread" in lines[1] and "asl_bench zz-noisy" in lines[-2] and "rendered hands" in lines[-1]
    assert len(calls)==1 and res["rows"][1]["ratio"]==3 and res["rows"][1]["spread"]==0 and res["rows"][1]["note"]=="a note" and "a note" in lines[2]

def test_rows_of_the_race_run_a_few_seeds_of_what_they_name(monkeypatch):
    from asl_course import bench as c, speed
    from types import SimpleNamespace as NS
    seen = []
    monkeypatch.setattr(speed, "speedrun", lambda s, device, letters, **settings: (seen.append((s, settings)), NS(acc=s/100, seconds=float(s)))[1])
    for id, n, settings in (("race-99", 9, {}), ("race-999", 5, speed.SURE_READER), ("race-t3", 5, {}), ("race-shipped", 5, speed.SURE_READER)):
        ctx = NS(quick=False, device="cpu", letters=None, note="")
        ours, _, _ = c.bench_rows[id]["fn"](ctx)
        assert ours()==41+(n+1)/2 and seen==[(s, settings) for s in range(42, 42+n)] and "%" in ctx.note, id
        seen.clear()

def test_bench_writes_figures(tmp_path):
    res = run("asl_bench", "t4-epoch", "--quick", "--source", "synth", "--out", str(tmp_path/"b.json"))
    rows = json.loads((tmp_path/"b.json").read_text())["rows"]
    assert res.returncode==0 and rows[0]["id"]=="t4-epoch" and rows[0]["ratio"]>0 and "t4-epoch" in res.stdout
