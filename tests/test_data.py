"Split, batches, floors, test readings, rendered hands."
import numpy as np, pytest, torch
from hypothesis import given, strategies as st
from asl_course import core
from asl_course.core import *
from asl_course.data import *
from asl_course.synth import *

@given(st.integers(2, 400), st.floats(.01, .99), st.integers(0, 2**31))
def test_random_split(n, frac, seed):
    y = np.zeros(n)
    if not 0<round(n*frac)<n:
        with pytest.raises(ValueError, match="at least one row"): random_split(y, frac, seed)
        return
    tr, va = random_split(y, frac, seed)
    assert sorted(np.concatenate([tr, va]).tolist())==list(range(n)) and len(va)==round(n*frac) and tr.dtype==np.int64
    assert (random_split(y, frac, seed)[1]==va).all()

@given(st.integers(1, 70), st.integers(1, 80), st.booleans(), st.integers(0, 100))
def test_batches_visit_every_row_once(n, bs, shuffle, seed):
    x = np.arange(n, dtype=np.uint8).reshape(n, 1, 1).repeat(28, 1).repeat(28, 2)
    b = Batches(x, np.arange(n), bs, shuffle, seed)
    for _ in range(2):
        got = list(b)
        ys, xs = torch.cat([o for _, o in got]), torch.cat([o for o, _ in got])
        assert sorted(ys.tolist())==list(range(n)) and len(got)==len(b)==-(-n//bs) and len(got[-1][1])==(n-1)%bs+1
        assert torch.equal((xs[:, 0, 0, 0]*255).round().long(), ys) and xs.dtype==torch.float32 and xs.shape[1:]==(1, 28, 28) and 0<=xs.min() and xs.max()<=1

def test_batches_order():
    x, y = np.zeros((50, 28, 28), np.uint8), np.arange(50)
    walk = lambda b: torch.cat([o for _, o in b]).tolist()
    a, b = Batches(x, y, 8, True, 1), Batches(x, y, 8, True, 1)
    one, two = walk(a), walk(a)
    assert [walk(b), walk(b)]==[one, two] and one!=two and walk(Batches(x, y, 8, True, 2))!=one and walk(Batches(x, y, 8))==list(range(50))

def test_batches_tfm_and_own_copy():
    x = np.full((5, 28, 28), 255, np.uint8); b = Batches(x, np.zeros(5), 2, tfm=lambda xb: xb*0)
    assert all((xb==0).all() for xb, _ in b) and (x==255).all()
    for xb, _ in Batches(x, np.zeros(5), 2): xb.zero_()
    assert (x==255).all()

@pytest.mark.parametrize("x,y,kw,match", [
    (np.zeros((3, 28, 28), np.float32), np.zeros(3), {}, "expected torch.uint8"), (np.zeros((3, 784), np.uint8), np.zeros(3), {}, r"expected \(n, height, width\)"),
    (np.zeros((3, 28, 28), np.uint8), np.zeros(4), {}, "3 pictures and 4 letters"), (np.zeros((0, 28, 28), np.uint8), np.zeros(0), {}, "no pictures"),
    (np.zeros((3, 28, 28), np.uint8), np.zeros(3), dict(bs=0), "bs is 0")])
def test_bad_batches(x, y, kw, match):
    with pytest.raises(ValueError, match=match): Batches(x, y, **kw)

def test_score_is_over_pictures_not_batches():
    scores = torch.randn(103, 24, generator=torch.Generator().manual_seed(0)); y = torch.arange(103)%24
    s = judge_scores(scores, y)
    check_close(s.loss, torch.nn.functional.cross_entropy(scores, y)); check_close(s.acc, (scores.argmax(1)==y).float().mean())

def test_predict_in_batches_is_predict_at_once():
    x = np.random.default_rng(0).integers(0, 256, (50, 28, 28), dtype=np.uint8)
    m = NearestMean(x, np.arange(50)%24)
    check_close(scores_of(m, x, bs=7), scores_of(m, x, bs=50), 1e-4)

def test_floors(few_hands):
    m = Majority(np.array([3, 3, 1])); assert scores_of(m, few_hands.x_test).argmax(1).eq(3).all()
    n = NearestMean(few_hands.x, few_hands.y); means = np.stack([few_hands.x[few_hands.y==c].mean(0) for c in range(24)])/255
    d = (((few_hands.x_test[:, None]/255-means)**2).sum((2, 3))).argmin(1)
    assert (scores_of(n, few_hands.x_test).argmax(1).numpy()==d).mean()>.99

def test_test_readings_are_counted(few_hands):
    core.readings.begin(); score_test(Majority(few_hands.y), few_hands); assert core.readings.n==1
