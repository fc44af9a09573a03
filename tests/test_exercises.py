"Exercises: a stub is open, typical wrong answers fail each for its own reason, the solutions pass; what check, hint and progress do with bad input"
import json, threading, time
from functools import partial
import numpy as np, pytest, torch, torch.nn as nn, torch.nn.functional as F
from conftest import NBS, ROOT, code_cells, load, source
from asl_course.exercises import *
from asl_course.core import LETTERS, set_seed

@pytest.fixture(autouse=True)
def progress_path(tmp_path, monkeypatch):
    monkeypatch.setenv("ASL_PROGRESS", str(tmp_path/"progress.json"))
    return tmp_path/"progress.json"

KNOWN = all_exercises()

def test_there_are_two_to_six_in_each_chapter():
    chapters = [p.stem.partition("_")[2] for p in NBS if p.parent.name=="nbs" and p.stem[:2].isdigit() and 0<int(p.stem[:2])<20]
    of = {c: [o for o in KNOWN if o.partition(".")[0]==c] for c in [*chapters, "claims"]}
    assert {c: len(o) for c, o in of.items() if not 2<=len(o)<=6}=={} and sum(map(len, of.values()))==len(KNOWN)
    assert [k for k, o in KNOWN.items() if not (o.title and o.hint and o.idea and 2<=len(o.wrong)<=4)]==[]

@pytest.mark.parametrize("id", KNOWN)
def test_a_stub_is_open_and_wrong_answers_fail(id, progress_path):
    v = check(id, lambda *a: None)
    assert v.state=="open" and not v and not progress_path.exists()
    for i, f in enumerate(KNOWN[id].wrong):
        v = verdict(id, f)
        assert v.state=="wrong" and "case " in v.text, f"{id}: wrong answer {i+1} got {v!r}"

def chapter(id): return solution_page(id).removeprefix("s").removeprefix("_")

def test_each_is_set_in_its_chapter_and_solved_in_its_page():
    for p in NBS:
        for c in (o for o in code_cells(load(p)) if not source(o).startswith("#| export")):
            for id in [o for o in KNOWN if f'check("{o}"' in source(c)]:
                solved = p.parent.name=="solutions"
                assert p.stem==(solution_page(id) if solved else chapter(id)) and ("must=True" in source(c))==solved, (p, id)
    text = {p.stem: p.read_text() for p in NBS}
    for id in KNOWN:
        for page in (chapter(id), solution_page(id)): assert f'check(\\"{id}\\"' in text[page], (page, id)

def test_unknown_exercises_are_answered_with_the_nearest():
    with pytest.raises(ValueError, match="nearest: scratch.softmax"): check("02.sofmax", abs)
    with pytest.raises(ValueError, match="nearest: scratch.softmax"): hint("softmax")
    with pytest.raises(ValueError, match="there are data.letter"): check("", abs)

@pytest.mark.parametrize("answer,said", [
    (torch.ones(2), "a tensor of shape (2,), float32; expected a function"), ("f", "expected a function"),
    (lambda x: 1/0, "it raised ZeroDivisionError: division by zero, at `"), (lambda: 1, "it raised TypeError"),
    (lambda x: F.softmax(x, -1).numpy(), "a NumPy array of shape (3, 4), float32; expected a tensor"), (lambda x: F.softmax(x, -1).double(), "dtype float64; expected float32"),
    (lambda x: F.softmax(x, -1).to("meta"), "on meta; expected on cpu"), (lambda x: F.softmax(x, -1)[:, :2], "shape (3, 2); expected (3, 4)"), (lambda x: x.copy_(F.softmax(x, -1)), "it changed what it was given"),
    (lambda x: print(end="", file=None) if x is None else None if x.exp_().sum()>0 else 1, "is its `return` missing?"), (lambda scores: scores, "Given: scores=tensor([["), (lambda x: x.median(0), "take its `.values`"),
    (lambda x: F.softmax(x, 0), "first at [0, 0]"), (lambda x: [1], "a list of 1; expected a tensor"), (lambda x: exit(), "it raised SystemExit")])
def test_what_is_wrong_is_said(answer, said, progress_path):
    v = check("scratch.softmax", answer)
    assert v.state=="wrong" and said in v.text, v
    with pytest.raises(AssertionError, match="scratch.softmax"): check("scratch.softmax", answer, must=True)
    assert json.loads(progress_path.read_text())["scratch.softmax"]["tries"]==1

def test_near_misses_are_told_apart():
    rng = lambda seed: np.random.default_rng(seed)
    assert "expected it to be raised" in verdict("data.letter", lambda n: ValueError("no") if n in (9, 25, -1) else chr(65+n)).text
    said = lambda f: verdict("train.batches", f).text
    assert "stayed together; shuffle rows, not batches" in said(lambda n, bs, seed: [torch.arange(n).split(bs)[i] for i in rng(seed).permutation(-(-n//bs))])
    assert "this is the mean over every pair" in verdict("scratch.nll", lambda logp, y: -logp[:, y].mean()).text and "this is the plain mean of the batches; " in verdict("train.epoch-loss", lambda l, s: l.mean()).text
    assert "this is photographs, not rows; you returned" in verdict("split.leak", lambda g, t, v: len(set(g[t])&set(g[v]))).text
    assert "one tensor of 50 numbers; expected a list" in said(lambda n, bs, seed: torch.randperm(n, generator=torch.Generator().manual_seed(seed)))
    assert verdict("train.batches", lambda n, bs, seed: (o for o in torch.randperm(n, generator=torch.Generator().manual_seed(seed)).split(bs))), "a generator will do"
    assert verdict("scratch.nll", lambda logp, y: F.nll_loss(logp, y).item()) and verdict("scratch.momentum", lambda w, v, g, lr, m: [w-lr*(m*v+g), m*v+g]), "so will a number, and a list"

def test_beginners_slips_are_named():
    said = lambda id, f: repr(verdict(id, f))
    assert "take its `.values`, or `amax`" in said("scratch.softmax", lambda x: x-x.max(-1, keepdim=True))
    assert "each row has to add up to 1" in said("scratch.softmax", lambda x: x.exp()/x.exp().sum())
    assert "a single number" in said("scratch.nll", lambda logp, y: -logp[range(len(y)), y])
    assert "comes" in (d := said("train.batches", lambda n, bs, seed: torch.randint(n, (n,), generator=torch.Generator().manual_seed(seed)).split(bs))) and "expected each of 50 once" in d
    for slip, f in {"uphill": lambda w, v, g, lr, m: (w+lr*(m*v+g), m*v+g), "old velocity": lambda w, v, g, lr, m: (w-lr*v, m*v+g), "inside the velocity": lambda w, v, g, lr, m: (w-(m*v+lr*g), m*v+lr*g),
                    "counts only 1-m": lambda w, v, g, lr, m: (w-lr*(m*v+(1-m)*g), m*v+(1-m)*g), "velocity first": lambda w, v, g, lr, m: (m*v+g, w-lr*(m*v+g))}.items():
        assert slip in said("scratch.momentum", f), slip

def test_a_loop_without_end_is_stopped():
    seen = []
    def loop(x):
        while True: seen.append(1)
    assert "not done after 0.2 s" in check("scratch.softmax", loop, limit=.2).text
    n = len(seen); time.sleep(.1)
    assert len(seen)==n, "it still runs"
    gate, late = threading.Event(), []
    def slow(x):
        gate.wait(60)
        late.append(1)
    assert "not done after 0.1 s" in check("scratch.softmax", slow, limit=.1).text and not late, "the limit is not kept"
    gate.set()

def test_chance_is_fixed_and_given_back():
    import random
    set_seed(987); random.random(), np.random.rand(), torch.rand(1)
    state, np_state, py_state = torch.get_rng_state(), np.random.get_state()[1:3], random.getstate()
    noisy = lambda x: F.softmax(x, -1)+torch.rand(1)
    assert repr(verdict("scratch.softmax", noisy))==repr(verdict("scratch.softmax", noisy))
    assert torch.equal(state, torch.get_rng_state()) and py_state==random.getstate()
    assert (np_state[0]==np.random.get_state()[1]).all() and np_state[1]==np.random.get_state()[2]

def test_progress_hints_and_a_damaged_file(progress_path):
    right = partial(torch.softmax, dim=-1)
    first, idea = KNOWN["scratch.softmax"].hint, KNOWN["scratch.softmax"].idea
    said = repr(hint("scratch.softmax"))
    assert said.startswith(first) and "hint('scratch.softmax')" in said and idea not in said and f"Idea: {idea}" in repr(hint("scratch.softmax"))
    assert check("scratch.softmax", right) and not check("scratch.nll", lambda *a: 1)
    check("scratch.softmax", lambda x: x) # what was right once stays so
    row = progress().set_index("chapter").loc["02_scratch"]
    assert row.right=="1 of 4" and row.exercises=="✓ softmax  ✗ nll  ○ momentum  ○ slopes" and row.hints==2
    for damage in ("{", "[1]", '{"scratch.softmax": 3}'):
        progress_path.write_text(damage)
        with pytest.warns(UserWarning, match="progress.damaged.json"): assert "0 of 3" in progress().right.tolist()
        assert (progress_path.parent/"progress.damaged.json").read_text()==damage
    check("scratch.softmax", right, must=True)
    assert not progress_path.exists(), "a solution is no progress"

def test_progress_from_before_the_names_changed_is_carried_over(progress_path):
    progress_path.write_text(json.dumps({"02.softmax": dict(tries=2, hints=1, done="2026-11-20"), "scratch.softmax": dict(tries=1, hints=0, done="2026-11-24"), "15.best-epoch": dict(tries=1, hints=0, done=None)}))
    table = progress().set_index("chapter")
    assert "✓ softmax" in table.loc["02_scratch", "exercises"] and "✗ best-epoch" in table.loc["claims", "exercises"] and table.loc["02_scratch", "hints"]==1
    check("scratch.nll", lambda logp, y: logp)
    kept = json.loads(progress_path.read_text())
    assert kept["scratch.softmax"]==dict(tries=3, hints=1, done="2026-11-20") and kept["claims.best-epoch"]["tries"]==1 and "02.softmax" not in kept

def test_progress_that_cannot_be_kept_says_so(progress_path, monkeypatch):
    progress_path.write_text("a file, no folder")
    monkeypatch.setenv("ASL_PROGRESS", str(progress_path/"progress.json"))
    with pytest.warns(UserWarning, match="name a file in ASL_PROGRESS"): assert check("scratch.softmax", partial(torch.softmax, dim=-1))
    assert progress_path.read_text()=="a file, no folder"
    monkeypatch.setenv("ASL_PROGRESS", str(progress_path))
    def refuse(*a): raise PermissionError(13, "Permission denied")
    monkeypatch.setattr("pathlib.Path.replace", refuse)
    with pytest.warns(UserWarning, match=r"nor put aside \(Permission denied\): delete "): assert "0 of 3" in progress().right.tolist()

def test_ideas_leave_the_answer_to_the_learner():
    "No piece of code in an idea is what the solution returns"
    import re
    for k, o in KNOWN.items():
        cells = code_cells(load(ROOT/"nbs"/"solutions"/f"{solution_page(k)}.ipynb"))
        code = "".join("\n".join(source(c) for c in cells if not source(c).startswith("#| export")).split())
        told = [p for p in re.findall("`([^`]+)`", o.idea) if "return"+"".join(p.split()) in code and set(p)&set("(*/+")]
        assert not told, f"{k} tells {told}: an idea in words, not the line itself"
