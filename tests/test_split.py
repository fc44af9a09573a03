"Near-duplicates, photographs, folds"
import numpy as np, pytest, torch
from hypothesis import given, settings, strategies as st
from asl_course.core import *
from asl_course.records import *
from asl_course.data import *
from asl_course.synth import synth_letters
from asl_course.split import *
from asl_course import split as mod

@pytest.fixture(scope="module")
def hands(tmp_path_factory): return synth_letters(2400, 480, 5, tmp_path_factory.mktemp("synth"))

@pytest.fixture(scope="module")
def groups(hands): return photo_groups(hands.x)

def test_photographs_are_recovered(hands, groups):
    from sklearn.metrics import adjusted_rand_score
    assert groups.dtype==np.int64 and groups.shape==(2400,) and adjusted_rand_score(hands.photo, groups)>.9
    assert groups[0]==0 and set(groups)==set(range(groups.max()+1))

def test_blocks_change_nothing(hands, groups): assert (photo_groups(hands.x, bs=333)==groups).all()

def test_order_changes_nothing(hands, groups):
    p = np.random.default_rng(0).permutation(2400)
    a, b = photo_groups(hands.x[p]), groups[p]
    assert len(set(zip(a, b)))==len(set(a))==len(set(b))

def test_chains_are_groups():
    "a is like b, b is like c, a is not like c: one group"
    t = np.linspace(0, 1, 28)
    ramp = lambda k: (100+60*np.sin(3*t[:, None]+k)+60*np.cos(4*t[None]-k)).astype(np.uint8)
    x = np.stack([ramp(k) for k in (0, .15, .3, 3)])
    s = picture_signatures(x); c = s@s.T
    th = float((min(c[0, 1], c[1, 2])+c[0, 2])/2)
    assert c[0, 2]<th and (photo_groups(x, th)==[0, 0, 0, 1]).all()

def test_signatures_forget_light():
    x = np.random.default_rng(0).integers(40, 200, (6, 28, 28), dtype=np.uint8)
    check_close(picture_signatures(x), picture_signatures((x*.5+60).astype(np.uint8)), .02)
    for bad in (x.astype(np.float32), x[0]):
        with pytest.raises(ValueError, match="expected torch.uint8"): picture_signatures(bad)

@settings(max_examples=15, deadline=None)
@given(st.integers(2, 6), st.integers(0, 1000))
def test_folds(n, seed):
    y = np.repeat(np.arange(24), 40); groups = np.arange(960)//4
    parts = photo_folds(None, y, n, seed, groups)
    assert len(parts)==n and (np.sort(np.concatenate([v for _, v in parts]))==np.arange(960)).all()
    for tr, va in parts:
        assert not set(groups[tr])&set(groups[va]) and len(tr)+len(va)==960 and len(set(y[va]))==24 and (np.diff(va)>0).all()

def test_photo_split_drops_in_for_random_split(hands, groups):
    tr, va = photo_split(hands.x, hands.y, .2, 1, groups)
    assert abs(len(va)/2400-.2)<.04 and not set(groups[tr])&set(groups[va]) and tr.dtype==va.dtype==np.int64
    assert all((a==b).all() for a, b in zip(photo_split(hands.x, hands.y, .2, 1), (tr, va))), "groups are found when not given"
    assert set(photo_split(hands.x, hands.y, .2, 2, groups)[1])!=set(va), "another seed, another split"

def test_refused(hands, groups):
    y = hands.y
    for f, match in ((lambda: photo_split(hands.x, y, .7, groups=groups), "frac is 0.7"), (lambda: photo_split(hands.x, y, 0, groups=groups), "frac is 0"),
                     (lambda: photo_split(hands.x, y, groups=groups[:-1]), "2399 groups and 2400 rows"), (lambda: photo_folds(hands.x, y, 1, groups=groups), "n is 1"),
                     (lambda: photo_folds(None, y, 5, groups=y), "class 0 has 1 photographs, too few for 5 parts"), (lambda: photo_groups(hands.x, 1.5), "threshold is 1.5")):
        with pytest.raises(ValueError, match=match): f()

def test_a_random_split_leaks_and_a_photo_split_does_not(hands, groups):
    read = lambda tr, va: accuracy(scores_of(NearestPicture(hands.x[tr], hands.y[tr]), hands.x[va]), torch.as_tensor(hands.y[va])).item()
    assert read(*random_split(hands.y, .2, 0))>.99 and read(*photo_split(hands.x, hands.y, .2, 0, groups))<.9

def test_cluster_error():
    "Twenty copies of each of n coins have the error of n coins"
    coins = np.random.default_rng(0).integers(0, 2, 500).astype(float)
    many, who = np.repeat(coins, 20), np.repeat(np.arange(500), 20)
    check_close(mod._cluster_se(many, who), coins.std()/500**.5, 1e-6)
    assert mod._cluster_se(many, np.arange(len(many)))<mod._cluster_se(many, who)/4
