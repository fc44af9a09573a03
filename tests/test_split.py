"Near-duplicates, photographs, folds"
import numpy as np, pytest, torch
from hypothesis import given, settings, strategies as st
from asl_course.core import *
from asl_course.records import *
from asl_course.data import *
from asl_course.synth import synth_letters
from asl_course.split import *
from asl_course.photographs import part_merged
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

# -- people

@pytest.fixture(scope="module")
def some(hands): return hands.part(slice(None), slice(240))

def test_people_are_left_out(some):
    folds = person_folds(some)
    assert len(folds)==7 and (np.sort(np.concatenate([v for _, v in folds]))==np.arange(2400)).all()
    for tr, va in folds: assert not set(some.person[tr])&set(some.person[va]) and len(tr)+len(va)==2400 and tr.dtype==va.dtype==np.int64
    three = person_folds(some, people=[5, 2, 11])
    assert [set(some.person[v]) for _, v in three]==[{5}, {2}, {11}]
    two = some.part(np.flatnonzero(some.person<2))
    assert [set(two.person[v]) for _, v in person_folds(two)]==[{0}, {1}], "fewer people than folds"

def test_folds_of_people_are_refused(some):
    from dataclasses import replace
    unknown = Letters(some.x, some.y, some._x_test, some._y_test, "real")
    for f, match in ((lambda: person_folds(unknown), "whose hands these pictures show is not known"), (lambda: person_folds(some, people=[99]), "no person 99 in these pictures; there are 0, 1, "),
                     (lambda: person_folds(some.part(some.person==3)), "all pictures show person 3: leaving somebody out takes at least two"), (lambda: person_folds(some, n=1), "n is 1: expected at least 2 folds"),
                     (lambda: judge_people(NearestMean, unknown), "whose hands")):
        with pytest.raises(ValueError, match=match): f()

def test_judging_people_counts_people_and_reads_the_test_file_once(some):
    readings.begin()
    res = judge_people(NearestMean, some)
    assert readings.n==1 and len(res["people"])==24 and res["valid"]["acc"]==pytest.approx(np.mean(res["people"])) and res["worst"]["acc"]==min(res["people"])
    tr, va = person_folds(some, people=[7])[0]
    fold = next(o for o in person_folds(some) if 7 in some.person[o[1]])
    model = NearestMean(some.x[fold[0]], some.y[fold[0]])
    right = scores_of(model, some.x[va]).argmax(1).numpy()==some.y[va]
    assert res["people"][7]==pytest.approx(right.mean()), "read by the model that never saw the person"

def test_a_person_of_both_files_is_read_on_test_by_the_model_without_them(some):
    "As in the published files, where all people stand in both"
    both = Letters(some.x, some.y, some.x, some.y, "synth", some.photo, some.person, some.photo, some.person)
    res = judge_people(NearestPicture, both)
    assert res["test"]["acc"]==pytest.approx(res["valid"]["acc"]) and res["test"]["acc"]<.9, "a model that saw the rows would read them all"

def test_rows_of_each_photograph(hands):
    for k in (1, 3):
        rows = rows_of_each(hands.photo, k, 1)
        assert (np.bincount(hands.photo[rows])==np.minimum(k, np.bincount(hands.photo))).all() and (np.diff(rows)>0).all()
    assert (rows_of_each(hands.photo, 2, 5)==rows_of_each(hands.photo, 2, 5)).all() and set(rows_of_each(hands.photo, 2, 5))!=set(rows_of_each(hands.photo, 2, 6))
    few = some_photographs(hands, 30)
    assert len(np.unique(few.photo))==30 and (np.bincount(few.photo)[np.unique(few.photo)]==np.bincount(hands.photo)[np.unique(few.photo)]).all()

def test_some_people(hands):
    two = some_people(hands, 2)
    rows = np.bincount(hands.person)
    assert len(set(two.person))==2 and len(two.y)==np.sort(rows)[-2:].sum() and two.rows[1]==hands.rows[1]
    unknown = Letters(hands.x, hands.y, hands._x_test, hands._y_test, "real")
    assert some_people(unknown, 2) is unknown

def test_merged_photographs_are_parted_without_the_truth(hands):
    from sklearn.metrics import adjusted_rand_score as rand
    pairs = np.where(hands.photo<60, hands.photo//2*2, hands.photo) # 30 pairs of photographs under one number
    second = part_merged(hands.x, pairs)
    assert rand(hands.photo, pairs)<.8 and rand(hands.photo, second)>.98 and set(second)==set(range(120))
    assert (part_merged(hands.x, hands.photo)==hands.photo).all(), "what is right stays"

def test_the_ladder_falls_rung_by_rung(hands):
    "Rendered hands: rows, then photographs, then people; a reader that knows its pictures by heart shows it best"
    def read(parts): return np.mean([(scores_of(NearestPicture(hands.x[tr], hands.y[tr]), hands.x[va]).argmax(1).numpy()==hands.y[va]).mean() for tr, va in parts])
    rows, photos = read(random_folds(hands.y, 5, 0)), read(photo_folds(None, hands.y, 5, 0, hands.photo))
    people = judge_people(NearestPicture, hands)["valid"]["acc"]
    assert rows>.99 and rows-.1>photos>people, (rows, photos, people)
