"Exercises: a stub is open, typical wrong answers fail each for its own reason, the solutions pass; what check, hint and progress do with bad input"
import json, time
from functools import partial
import numpy as np, pytest, torch, torch.nn as nn, torch.nn.functional as F
from conftest import NBS, ROOT, code_cells, load, source
from asl_course import exercises as e
from asl_course.exercises import *
from asl_course.core import LETTERS, set_seed

@pytest.fixture(autouse=True)
def progress_path(tmp_path, monkeypatch):
    monkeypatch.setenv("ASL_PROGRESS", str(tmp_path/"progress.json"))
    return tmp_path/"progress.json"

def first_row(groups, seed): return np.unique(groups, return_index=True)[1]
def in_place(a, b):
    for k in a: a[k] = (a[k]+b[k])/2 if a[k].is_floating_point() else b[k]
    return a
def without_shuffle(n, bs, seed): return torch.arange(n).split(bs)
def last_dropped(n, bs, seed): return torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:n//bs*bs].split(bs)
def with_replacement(n, bs, seed): return torch.randint(n, (n,), generator=torch.Generator().manual_seed(seed)).split(bs)
def unseeded(n, bs, seed): return torch.randperm(n).split(bs)
def above_target(sure, right, target): return float(min(t for t in sure if right[sure>=t].mean()<target))
def first_fall(sure, right, target):
    i = np.argsort(-sure); acc = right[i].cumsum()/np.arange(1, len(i)+1)
    return float(sure[i][max(np.argmax(acc<target)-1, 0)])

def callbacks():
    from fastai.callback.core import Callback, CancelFitException
    class Counts(Callback):
        def before_train(self): self.ok = []
        def after_batch(self): self.ok.append(bool((self.pred.argmax(1)==self.y).all()))
    class WithValidation(Counts): # looks when both parts are over
        def after_epoch(self):
            if all(self.ok): raise CancelFitException
    class LastBatch(Counts):
        def after_train(self):
            if self.ok[-1]: raise CancelFitException
    class AtOnce(Callback):
        def after_train(self): raise CancelFitException
    return WithValidation, LastBatch, AtOnce

WRONG = {
 "data.letter": [lambda n: chr(65+n), lambda n: LETTERS[n], lambda n: chr(65+n) if n!=9 else "J"],
 "data.median": [lambda x, y: torch.stack([x[y==k].mean(0) for k in range(24)]), lambda x, y: torch.stack([x[y==k].median() for k in range(24)]), lambda x, y: x.reshape(24, -1, 4, 4).median(1).values],
 "data.brightness": [lambda xb: xb-xb.mean(), lambda xb: xb-xb.mean((2, 3)), lambda xb: xb-xb.mean(0, keepdim=True)],
 "scratch.softmax": [lambda x: x.exp()/x.exp().sum(-1, keepdim=True), lambda x: F.softmax(x, 0), lambda x: (x-x.max()).exp()/(x-x.max()).exp().sum(-1, keepdim=True), lambda x: F.softmax(x, -1).float()],
 "scratch.nll": [lambda p, y: -p[range(len(y)), y].sum(), lambda p, y: p[range(len(y)), y].mean(), lambda p, y: -p[:, y].mean(), lambda p, y: F.cross_entropy(p.exp(), y)],
 "scratch.momentum": [lambda w, v, g, lr, m: (w-lr*g, m*v+g), lambda w, v, g, lr, m: (w-lr*(m*v+(1-m)*g), m*v+(1-m)*g), lambda w, v, g, lr, m: (w.sub_(lr*v.mul_(m).add_(g)), v)],
 "train.batches": [without_shuffle, last_dropped, with_replacement, unseeded],
 "train.epoch-loss": [lambda l, s: l.mean(), lambda l, s: (l*s).sum(), lambda l, s: (l*s).sum()/len(s)],
 "digits.typical": [lambda p: p.mean(), lambda p: p.prod()**(1/len(p)), lambda p: -p.log().mean()],
 "digits.error": [lambda a, n: a*(1-a)/n, lambda a, n: (a*(1-a))**.5/n, lambda a, n: 1.96*(a*(1-a)/n)**.5],
 "digits.fewer": [lambda: (.1, 100), lambda: (100., 1000), lambda: .5],
 "split.leak": [lambda g, t, v: len(set(t)&set(v)), lambda g, t, v: len(set(g[t])&set(g[v])), lambda g, t, v: int(np.isin(g[t], g[v]).sum())],
 "split.one-each": [first_row, lambda g, s: np.unique(g), lambda g, s: np.random.default_rng(s).choice(len(g), len(set(g)), False)],
 "mlp.lamp": [lambda: ([[1, -1], [-1, 1]], [0, 0], [1, 1], 0), lambda: ([[1, 1], [1, 1]], [0, 0], [-1, -1], 1), lambda: ([[1., -1]], [0], [-1], 1)],
 "mlp.parameters": [lambda s: sum(a*b for a, b in zip(s, s[1:])), lambda s: sum(a*b+a for a, b in zip(s, s[1:])), lambda s: s[0]*s[-1]+s[-1]],
 "mlp.dead": [lambda a: int((a==0).any(0).sum()), lambda a: int((a==0).sum()), lambda a: int((a==0).all(1).sum())],
 "cnn.sharpen": [lambda: torch.full((3, 3), 1/9), lambda: torch.tensor([[-1., -1, -1], [-1, 8, -1], [-1, -1, -1]])/9, lambda: torch.tensor([[0., -1, 0], [-1, 5, -1], [0, -1, 0]])],
 "cnn.size": [lambda n, k, s, p: (n+2*p-k)//s, lambda n, k, s, p: (n+p-k)//s+1, lambda n, k, s, p: (n+2*p-k)/s+1],
 "cnn.pool": [lambda x: F.avg_pool2d(x, 2), lambda x: x.reshape(*x.shape[:2], x.shape[2]//2, x.shape[3]//2, 4).amax(-1), lambda x: x[..., ::2, ::2], lambda x: x.reshape(*x.shape[:2], x.shape[2]//2, 2, x.shape[3]//2, 2).amax(3).amax(4).clamp(min=0)],
 "augment.shear": [lambda k: torch.tensor([[1., 0, 0], [k, 1, 0]]), lambda k: torch.tensor([[1., -k, 0], [0, 1, 0]]), lambda k: torch.tensor([[1., 0, k], [0, 1, 0]])],
 "augment.views": [lambda m, x, cs: F.softmax(torch.stack([m(c(x)) for c in [lambda o: o, *cs]]).mean(0), 1), lambda m, x, cs: torch.stack([F.softmax(m(c(x)), 1) for c in cs]).mean(0), lambda m, x, cs: torch.stack([F.softmax(m(c(x)), 1) for c in [lambda o: o, *cs]]).sum(0)],
 "augment.mix": [lambda a, b, y, z, l: (l*a+(1-l)*b, (1-l)*F.one_hot(y, 24).float()+l*F.one_hot(z, 24).float()), lambda a, b, y, z, l: (l*a+(1-l)*b, l*y+(1-l)*z), lambda a, b, y, z, l: ((a+b)/2, (F.one_hot(y, 24)+F.one_hot(z, 24))/2)],
 "learner.smooth": [lambda l, b: torch.stack([l[:i+1].mean() for i in range(len(l))]), lambda l, b: l.cumsum(0)*(1-b), lambda l, b: l],
 "learner.stop": [lambda: callbacks()[0](), lambda: callbacks()[1](), lambda: callbacks()[2]()],
 "learner.average": [lambda a, b: {k: (a[k]+b[k])/2 for k in a}, lambda a, b: {k: a[k]+b[k] for k in a}, in_place],
 "honest.covered": [lambda h, y: h.mean(), lambda h, y: np.array([h[y==k].sum() for k in range(24)]), lambda h, y: np.array([(y[h]==k).mean() for k in range(24)])],
 "honest.weighted": [lambda r, c: float(r.mean()), lambda r, c: float((r*c).sum()), lambda r, c: float((r*c).mean()/24)],
 "honest.threshold": [above_target, first_fall, lambda s, r, t: t, lambda s, r, t: float(s.min())],
 "speed.amdahl": [lambda p, t: 1/(1-p+p*t), lambda p, t: t, lambda p, t: 1-p+p/t],
 "speed.operations": [lambda i, o, k, s: i*k*k*o*s*s, lambda i, o, k, s: 2*i*k*o*s*s, lambda i, o, k, s: 2*k*k*o*s*s],
 "predict.square": [lambda a: a[:min(a.shape[:2]), :min(a.shape[:2])], lambda a: a[:, (a.shape[1]-a.shape[0])//2:][:, :a.shape[0]], lambda a: a[-min(a.shape[:2]):, -min(a.shape[:2]):]],
 "predict.least": [lambda n: .05**(1/n), lambda n: 1-3/n, lambda n: .975**(1/n)],
 "predict.top": [lambda p, k: [(LETTERS[i], p[i]) for i in np.argsort(p)[:k]], lambda p, k: [(chr(65+i), p[i]) for i in np.argsort(-p)[:k]], lambda p, k: [(LETTERS[i], p[i]) for i in range(k)]],
 "app.smooth": [lambda p, n: np.stack([np.convolve(o, np.ones(n)/n, "same")[:len(p)] for o in p.T], 1), lambda p, n: np.stack([p[max(0, i-n+1):i+1].sum(0)/n for i in range(len(p))]), lambda p, n: p],
 "app.word": [lambda p, ws: "".join(LETTERS[i] for i in p.argmax(1)), lambda p, ws: max(ws, key=lambda w: sum(np.log(p[i, LETTERS.find(c)]) for i, c in enumerate(w[:len(p)]))), lambda p, ws: max((w for w in ws if len(w)==len(p) and set(w)<=set(LETTERS)), key=lambda w: np.prod([p[i, LETTERS.index(c)] for i, c in enumerate(w)]))],
 "people.both": [lambda p, m: p.argmax(1), lambda p, m: np.where(p.max(1)>=m.max(1), p.argmax(1), m.argmax(1)), lambda p, m: (p+m).argmax(0)],
 "people.mean": [lambda r, who: float(r.mean()), lambda r, who: float(np.median([r[who==k].mean() for k in np.unique(who)])), lambda r, who: float(np.mean([r[who==k].sum() for k in np.unique(who)]))],
 "claims.difference": [lambda a, b: (float((a-b).mean()), float(1.96*(a-b).std(ddof=1)/len(a)**.5)), lambda a, b: (float((a-b).mean()), float(a.std(ddof=1)+b.std(ddof=1))), lambda a, b: (float(abs(a-b).mean()), float((a-b).std()))],
 "claims.best-epoch": [lambda v, t: (t.max(), t.max()), lambda v, t: (v.max(), t.max()), lambda v, t: (t[v.argmin()], t.max())],
}

def test_there_are_two_to_four_in_each_chapter():
    ids = [o for o in exercises if o!="example.double"]
    chapters = [p.stem.partition("_")[2] for p in NBS if p.parent.name=="nbs" and p.stem[:2].isdigit() and 0<int(p.stem[:2])<20]
    assert {c: 2<=sum(o.partition(".")[0]==c for o in ids)<=4 for c in chapters}=={c: True for c in chapters} and set(WRONG)==set(ids)

@pytest.mark.parametrize("id", WRONG)
def test_a_stub_is_open_and_wrong_answers_fail(id, progress_path):
    v = check(id, lambda *a: None)
    assert v.state=="open" and not v and not progress_path.exists()
    for i, f in enumerate(WRONG[id]):
        v = verdict(id, f)
        assert v.state=="wrong" and "case " in v.text, f"{id}: wrong answer {i+1} got {v!r}"

def test_each_is_set_in_its_chapter_and_solved_in_its_page():
    for p in NBS:
        for c in code_cells(load(p)):
            for id in [o for o in WRONG if f'check("{o}"' in source(c)]:
                assert p.stem.removeprefix("s")==solution_page(id)[1:] and ("must=True" in source(c))==(p.parent.name=="solutions"), (p, id)
    text = {p.relative_to(ROOT/"nbs").as_posix(): p.read_text() for p in NBS}
    for id in WRONG:
        for page in (solution_page(id)[1:], f"solutions/{solution_page(id)}"): assert f'check(\\"{id}\\"' in text[f"{page}.ipynb"], (page, id)

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
    late = []
    def slow(x): time.sleep(1.5); late.append(1); return F.softmax(x, -1)
    assert "not done after 0.1 s" in check("scratch.softmax", slow, limit=.1).text and not late, "the limit is not kept"

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
    first, idea = exercises["scratch.softmax"].hint, exercises["scratch.softmax"].idea
    said = repr(hint("scratch.softmax"))
    assert said.startswith(first) and "hint('scratch.softmax')" in said and idea not in said and f"Idea: {idea}" in repr(hint("scratch.softmax"))
    assert check("scratch.softmax", right) and not check("scratch.nll", lambda *a: 1)
    check("scratch.softmax", lambda x: x) # what was right once stays so
    row = progress().set_index("chapter").loc["02_scratch"]
    assert row.right=="1 of 3" and row.exercises=="✓ softmax  ✗ nll  ○ momentum" and row.hints==2
    for damage in ("{", "[1]", '{"scratch.softmax": 3}'):
        progress_path.write_text(damage)
        with pytest.warns(UserWarning, match="progress.damaged.json"): assert "0 of 3" in progress().right.tolist()
        assert (progress_path.parent/"progress.damaged.json").read_text()==damage
    check("scratch.softmax", right, must=True)
    assert not progress_path.exists(), "a solution is no progress"

def test_progress_from_before_the_names_changed_is_carried_over(progress_path):
    progress_path.write_text(json.dumps({"02.softmax": dict(tries=2, hints=1, done="2026-11-20"), "scratch.softmax": dict(tries=1, hints=0, done="2026-11-24"), "15.best-epoch": dict(tries=1, hints=0, done=None)}))
    table = progress().set_index("chapter")
    assert "✓ softmax" in table.loc["02_scratch", "exercises"] and "✗ best-epoch" in table.loc["15_claims", "exercises"] and table.loc["02_scratch", "hints"]==1
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
    for k, o in exercises.items():
        if k[:2]=="22": continue
        code = "".join("\n".join(map(source, code_cells(load(ROOT/"nbs"/"solutions"/f"{solution_page(k)}.ipynb")))).split())
        told = [p for p in re.findall("`([^`]+)`", o.idea) if "return"+"".join(p.split()) in code and set(p)&set("(*/+")]
        assert not told, f"{k} tells {told}: an idea in words, not the line itself"
