"Intervals, comparisons, calibration: what they promise and what they refuse"
import numpy as np, pytest, torch, torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from sklearn.metrics import recall_score
from asl_course.core import *
from asl_course.records import *
from asl_course.data import *
from asl_course.honest import *
from asl_course.errors import *
from asl_course.calibration import *
from asl_course.calibration import _conformal

def test_intervals_of_independent_pictures_agree_with_theory():
    right = np.random.default_rng(0).random(2000)<.8
    low, high = bootstrap_interval(right)
    half = 1.96*right.std()/2000**.5
    assert low==pytest.approx(right.mean()-half, abs=.004) and high==pytest.approx(right.mean()+half, abs=.004)
    assert bootstrap_interval(right, seed=3)==bootstrap_interval(right, seed=3)!=bootstrap_interval(right, seed=4)

def test_copies_of_a_picture_say_nothing_new():
    right = np.random.default_rng(1).random(150)<.8
    once, many = bootstrap_interval(right), bootstrap_interval(right.repeat(20), np.arange(150).repeat(20))
    assert many==pytest.approx(once, abs=1e-9)
    naive = bootstrap_interval(right.repeat(20))
    assert 3.5<(many[1]-many[0])/(naive[1]-naive[0])<5.5, "about the square root of 20"

def test_no_mistake_is_no_certainty():
    low, high = bootstrap_interval(np.ones(3000), np.arange(300).repeat(10))
    assert high==1 and low==pytest.approx(.025**(1/300))
    one = np.ones(3000); one[7] = 0
    low, high = bootstrap_interval(one, np.arange(300).repeat(10)); assert low==pytest.approx(.9815, abs=2e-4) and high==1, "one mistake leaves no less doubt than none"
    low, high = bootstrap_interval(1-one, np.arange(300).repeat(10)); assert low==0 and high==pytest.approx(1-.9815, abs=2e-4)
    low, high = bootstrap_interval(np.zeros(50)); assert low==0 and high==pytest.approx(1-.025**(1/50))

def test_what_an_interval_refuses():
    with pytest.raises(ValueError, match="at least one"): bootstrap_interval([])
    with pytest.raises(ValueError, match="3 values and 2 groups"): bootstrap_interval([1, 0, 1], [0, 0])
    with pytest.raises(ValueError, match="one group"): bootstrap_interval([1, 0, 1], [5, 5, 5])

def test_comparing_two_readers():
    g = np.random.default_rng(2)
    a = g.random(400)<.8; b = a.copy(); b[np.flatnonzero(a)[:30]] = False
    r = compare_readers(a, b)
    assert r["diff"]==pytest.approx(30/400) and r["low"]>0 and r["mcnemar"]<1e-6 and r["swap"]<.002
    assert compare_readers(b, a)["diff"]==-r["diff"]
    a, b = np.r_[np.ones(10), np.zeros(2), np.ones(50)]>0, np.r_[np.zeros(10), np.ones(2), np.ones(50)]>0
    assert compare_readers(a, b)["mcnemar"]==compare_readers(b, a)["mcnemar"]==pytest.approx(2*(1+12+66)/2**12), "two tails of twelve coins that fall ten to two"
    same = compare_readers(a, a); assert (same["diff"], same["mcnemar"], same["swap"])==(0, 1, 1)
    assert same["high"]==-same["low"]==pytest.approx(1-.025**(1/62)), "no picture apart is no certainty either"
    swing = compare_readers([True, False]*20, [False, True]*20, np.arange(20).repeat(2)); assert swing["diff"]==0 and swing["low"]==swing["high"]==0, "each photograph's difference is none"
    a, b = (np.repeat(g.random(12)<.5, 40) for _ in range(2)) # twelve photographs, by chance
    r = compare_readers(a, b, np.arange(12).repeat(40)); assert r["swap"]>.03>r["mcnemar"] or r["diff"]==0
    with pytest.raises(ValueError, match="4 and 3 pictures"): compare_readers([True]*4, [True]*3)

def test_calibration_error():
    y = torch.arange(24).repeat(50)
    sure = F.one_hot(y, 24).float()
    assert calibration_error(sure, y)==0
    assert calibration_error(sure.roll(1, 1), y)==1
    half = torch.where(torch.arange(len(y))[:, None]%2==0, sure, sure.roll(1, 1))*.5+.5/24 # right every other time, at a confidence of .52
    assert calibration_error(half, y)==pytest.approx(.5+.5/24-.5, abs=1e-3)
    two = torch.tensor([[.9, .1]]*10+[[.6, .4]]*10) # surer than right in one bin, less sure than right in another
    assert calibration_error(two, [0]*7+[1]*3+[0]*8+[1]*2)==pytest.approx((.2+.2)/2, abs=1e-6)
    with pytest.raises(ValueError, match="row 1 sums to 3: expected probabilities"): calibration_error(torch.tensor([[.5, .5], [1., 2.]]), [0, 1])

def test_temperature_undoes_what_was_done_to_scores():
    g = torch.Generator().manual_seed(0)
    scores = 2*torch.randn(6000, 24, generator=g)
    y = torch.multinomial(scores.softmax(1), 1, generator=g)[:, 0] # by chance, as the scores say
    assert fit_temperature(scores, y)==pytest.approx(1, rel=.05) and fit_temperature(scores*3, y)==pytest.approx(3, rel=.05)

def test_temperature_is_that_of_scikit_learn():
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator
    class Said(ClassifierMixin, BaseEstimator):
        def fit(self, X, y): self.classes_ = np.unique(y); return self
        def decision_function(self, X): return X
        def predict(self, X): return self.classes_[X.argmax(1)]
    g = torch.Generator().manual_seed(1)
    scores = torch.randn(800, 6, generator=g); y = torch.multinomial((scores*.6).softmax(1), 1, generator=g)[:, 0]
    peer = CalibratedClassifierCV(FrozenEstimator(Said().fit(scores.numpy(), y.numpy())), method="temperature").fit(scores.double().numpy(), y.numpy())
    check_close((scores/fit_temperature(scores, y)).softmax(1), torch.tensor(peer.predict_proba(scores.double().numpy())).float(), 2e-3)

@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([.05, .1, .3]))
def test_conformal_sets_hold_what_they_were_fitted_on(seed, alpha):
    g = torch.Generator().manual_seed(seed)
    probs = (2*torch.randn(500, 10, generator=g)).softmax(1); y = torch.randint(10, (500,), generator=g)
    held = conformal_sets(probs, conformal_threshold(probs, y, alpha))[torch.arange(500), y].float().mean()
    assert 1-alpha<=held+1e-6<=1-alpha+.01

def test_conformal_refusals():
    probs = torch.full((4, 2), .5)
    with pytest.raises(ValueError, match="alpha is 0"): conformal_threshold(probs, [0, 1, 0, 1], 0)
    with pytest.raises(ValueError, match="expected probabilities"): conformal_sets(probs*2, .1)
    assert conformal_threshold(probs, [0, 1, 0, 1], .1)==0, "four pictures cannot promise nine of ten: every letter is in the set"

def test_per_letter_and_absent_letters():
    y, guess = np.array([0, 0, 1, 1, 5]), np.array([0, 1, 1, 1, 0])
    t = per_letter(y, guess)
    assert t.index.tolist()==list(LETTERS) and t.pictures.sum()==5
    assert t.recall[["A", "B", "F"]].tolist()==[.5, 1, 0] and t.recall.notna().sum()==3, "a letter that does not occur has no recall"
    assert np.isnan(per_letter([0, 0], [0, 1]).f1["B"]), "nor an f1, though it was read"
    assert t.recall.mean()==pytest.approx(recall_score(y, guess, average="macro", labels=[0, 1, 5]))

def test_abstaining():
    probs = torch.tensor([[.9, .1], [.6, .4], [.2, .8], [.55, .45]])
    t = accuracy_coverage(probs, [0, 1, 1, 0])
    assert t.threshold.tolist()==pytest.approx([.9, .8, .6, .55]) and t.coverage.tolist()==[.25, .5, .75, 1] and t.accuracy.tolist()==pytest.approx([1, 1, 2/3, .75])

def test_each_picture_is_scored_by_a_model_that_has_not_seen_its_photograph():
    g = np.random.default_rng(0)
    x, y, photo = g.integers(0, 255, (480, 28, 28), dtype=np.uint8), np.arange(480)//5%24, np.arange(480)//5
    def make(xt, yt):
        seen = {o.tobytes() for o in xt}
        return lambda xb: torch.stack([torch.full((24,), float((o[0]*255).round().byte().numpy().tobytes() in seen)) for o in xb])
    assert (cross_val_scores(make, x, y, photo, 4)==0).all()

def test_a_world_of_new_signers():
    x, y, photo, signer = rendered_test_set(48, 5, 3)
    assert x.shape==(240, 28, 28) and len(np.unique(photo))==48 and (np.bincount(photo)==5).all() and (y==photo%24).all() and set(signer)=={32, 33}
    assert (x==rendered_test_set(48, 5, 3)[0]).all() and not (x==rendered_test_set(48, 5, 4)[0]).all()

def test_readers_have_names():
    with pytest.raises(ValueError, match="no reader 'tree': expected linear, mlp"): train_reader("tree", None, None, 0)

def test_where_a_threshold_comes_from():
    res = {k: v["acc"] for k, v in _conformal(None, 42, "cpu", "smoke").items()}
    assert set(res)=={"leaking", "same", "honest", "people"}
    assert res["leaking"]<.8<res["honest"]<.97 and res["leaking"]<min(res["same"], res["people"])

def test_the_next_person_is_less_certain_than_a_mean():
    "Drawn worlds of seven people: both intervals hold what they promise, and the next person's needs to be far wider"
    rng, held = np.random.default_rng(0), []
    for _ in range(300):
        *seven, nxt = rng.normal(.6, .05, 8)
        o = people_intervals(seven)
        held.append([o["mean"][0]<=.6<=o["mean"][1], o["next"][0]<=nxt<=o["next"][1], (o["next"][1]-o["next"][0])/(o["mean"][1]-o["mean"][0])])
    mean, following, wider = np.mean(held, 0)
    assert .92<mean<.98 and .92<following<.98 and wider>2
    assert people_intervals([1., 1., .99, .5, 1.])["next"][1]==1., "no accuracy is above one"
    with pytest.raises(ValueError, match="1 person: an interval takes at least two"): people_intervals([.9])
