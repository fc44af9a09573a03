"Every option of every command, with values that cannot be right: a sentence and exit status 2, nothing begun, nothing written."
import inspect, os, re
import pytest
from conftest import ROOT
from test_commands import COMMANDS
from warm import Warm

run = Warm()

@pytest.fixture(scope="module", autouse=True)
def _cold_at_the_end():
    yield
    run.close()

PHOTO = str(ROOT/"nbs"/"photos"/"A.png")
NEEDS = {"asl_run": ["00"], "asl_sweep": ["data.floors"], "asl_predict": [PHOTO], "asl_bench": ["csv-*"]} # without which they would ask for it
WORDS = ["", " ", "ünïcode 手", "a"*300, "%s{0}\\n"]
NUMBERS = ["", "x", "1.5", "nan", "0x10"]
VALUES = { # Values of an option that are never right
    "--seed":   [*NUMBERS, "-1", "99999999999999999999"],
    "--scale":  [*WORDS, "tiny", "SMOKE", "full,smoke"],
    "--device": [*WORDS, "toaster", "cuda:99", "gpu"],
    "--source": [*WORDS, "web", "Real"],
    "--jobs":   [*NUMBERS, "0", "-2"],
    "--seeds":  [*NUMBERS, "0", "-1"],
    "--top":    [*NUMBERS, "0", "-1"],
    "--crop":   ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "5,5,1,1", "nan,0,9,9", "0,0,inf,9", "1;2;3;4", "0,0,0,0"],
    "--model":  ["", "nothing.onnx", ".", "text.txt", "empty", "picture.png"],
    "--mine":   ["", "nothing.json", ".", "text.txt", "empty", "picture.png"],
    "--joints": ["", "nothing", "text.txt"],
    "--to":     ["", "text.txt", "text.txt/below"],
    "--synth":  ["", "text.txt", "text.txt/below"],
    "--convert": ["", "text.txt/below"],
    "--out":    ["", "text.txt/below"],
    "--folder": ["", "nothing", "text.txt"],
    "which":    ["nothing", "99", "..", "/", "-", "０１"],
    "rows":     ["nothing", "99", "..", "/"],
    "what":     ["nothing.png", "text.txt", "empty", "nothing*.png", "hollow"],
    "an option that there is not": ["--nope", "-x", "---", "--seeed=3", "--scale"]}
FREE = {"asl_run": {"--sweep"}} # names of before, which say what to type today

def options_of(name):
    "Options of a command that take a value, and positional arguments, from its signature"
    import asl_course.commands as commands
    f = inspect.unwrap(getattr(commands, name))
    for k, p in inspect.signature(f).parameters.items():
        if p.default is False: continue # a flag
        yield k if p.default is inspect.Parameter.empty or p.default==() else f"--{k}"

def cases():
    for name in COMMANDS:
        for option in [*options_of(name), "an option that there is not"]:
            if option in FREE.get(name, ()): continue
            for value in VALUES[option]:
                if option in ("what", "which", "rows"): yield name, option, [value]
                elif option[0]!="-": yield name, option, [*NEEDS.get(name, []), value]
                else: yield name, option, [*NEEDS.get(name, []), f"{option}={value}"]

CASES = list(cases())

def test_the_table_is_whole():
    assert len(CASES)>=120
    assert {n for n, *_ in CASES}=={*COMMANDS}

@pytest.fixture
def place(tmp_path):
    "A folder with a text, an empty file, a picture and an empty folder"
    (tmp_path/"text.txt").write_text("no picture, no table")
    (tmp_path/"empty").touch()
    (tmp_path/"hollow").mkdir()
    (tmp_path/"picture.png").write_bytes((ROOT/"nbs"/"photos"/"A.png").read_bytes())
    return tmp_path

@pytest.mark.parametrize("name, option, args", CASES, ids=[f"{n} {o} {re.sub(r'[^ -~]', '?', a[-1])[:40]!r}" for n, o, a in CASES])
def test_a_sentence_and_nothing_begun(name, option, args, place):
    before = {str(o): o.stat().st_size for o in place.rglob("*")}
    res = run(name, *args, ASL_RECORDS=str(place), ASL_SOURCE="synth", cwd=str(place))
    said = res.stderr.strip()
    assert res.returncode==2, (res.returncode, res.stdout[-300:], said[-300:])
    *usage, last = said.splitlines()
    assert last and "Traceback" not in said and len(last)<1500, said[:2000]
    assert not usage or said.startswith("usage: ") and last.startswith(f"{name}: error: "), said[:2000]
    assert {str(o): o.stat().st_size for o in place.rglob("*")}==before, "something was written"
