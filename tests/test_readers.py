"The reader that is chosen on people: changes, batches, who is left out, and its file"
from dataclasses import replace
import numpy as np, pytest, torch
from asl_course import outside as O, people as P
from asl_course.cnn import CNN, WideCNN
from asl_course.core import LETTERS
from asl_course.people import *
from asl_course.predict import About, load_model, save_model
from asl_course.synth import synth_letters

STILL = dict(turn=0., zoom=0., shift=0., shear=0., stretch=0., tilt=0., light=0., contrast=0., gamma=0., slope=0., noise=0., cutout=0.)

@pytest.fixture(scope="module")
def letters(tmp_path_factory): return synth_letters(960, 240, 5, tmp_path_factory.mktemp("hands"))

@pytest.fixture()
def batch(letters): return torch.as_tensor(letters.x[:16])[:, None].float()/255

def test_no_change_is_none_and_a_mirror_is_exact(batch):
    assert torch.allclose(StrongAugment(**STILL)(batch), batch, atol=2e-3)
    assert torch.allclose(StrongAugment(**STILL, flip=1.)(batch), batch.flip(-1), atol=2e-3)

@pytest.mark.parametrize("name", list(STILL))
def test_each_change_changes_and_stays_in_range(name, batch):
    strength = dict(turn=40., cutout=.8).get(name, .4)
    a = StrongAugment(**STILL|{name: strength}, seed=3)(batch)
    assert a.shape==batch.shape and a.min()>=0 and a.max()<=1 and (a-batch).abs().mean()>.003, name

def test_the_same_seed_changes_alike(batch):
    a, b, c = (StrongAugment(seed=s)(batch) for s in (1, 1, 2))
    assert torch.equal(a, b) and not torch.equal(a, c)

def test_a_shift_moves_the_way_of_the_picture():
    x = torch.zeros(200, 1, 28, 28); x[:, :, 14, 14] = 1
    y = StrongAugment(**STILL|dict(shift=.2), seed=1)(x)
    far = [((o[0]==o.max()).nonzero()[0]-14).abs().max().item() for o in y]
    assert max(far)<=.2*28+1 and np.mean(far)>1

def test_batches_hold_the_share_that_was_asked_for(letters):
    beside = np.full((50, 28, 28), 255, np.uint8), np.zeros(50, np.int64)
    b = P._MixedBatches(letters.x, letters.y, beside, .25, 32, 9, 1, "cpu")
    got = list(b)
    assert len(b)==len(got)==9 and all(len(y)==32 for _, y in got)
    assert all((x==1).all((1, 2, 3)).sum()==8 for x, _ in got)
    alone = list(P._MixedBatches(letters.x, letters.y, None, .25, 32, 3, 1, "cpu"))
    assert all(len(y)==32 for _, y in alone)

def test_pairs_are_left_out_of_training_and_read_both_ways(letters, monkeypatch):
    seen = []
    def fit(x, y, *args, **kwargs):
        seen.append({o.tobytes() for o in x})
        return CNN().eval()
    monkeypatch.setattr(P, "fit_reader", fit)
    monkeypatch.setattr(P, "_teachers", lambda *args: None)
    res = P._leave_pairs_out(letters, 1, "cpu", "smoke")
    parts = [va for _, va in P.person_folds(letters, 3)]
    assert [(o[0], o[1]) for o in res["pairs"]["of"]]==[(1, 0), (0, 1), (2, 0), (0, 2), (2, 1), (1, 2)]
    for out, rows in zip(((0, 1), (0, 2), (1, 2)), seen):
        for k in range(3):
            known = np.mean([o.tobytes() in rows for o in letters.x[parts[k]]])
            assert known==(k not in out), (out, k)

def test_each_person_is_read_as_the_others_chose(letters, monkeypatch):
    "Each fold is trained by its own candidate, with that candidate's teachers, share, network and changes, and without the people of the fold"
    asked, seen = [], []
    def fit(x, y, seed, device, steps, beside, share, net, tfm):
        asked.append((beside, share, net, type(tfm).__name__)); seen.append({o.tobytes() for o in x})
        return CNN().eval()
    monkeypatch.setattr(O, "fit_reader", fit)
    monkeypatch.setattr(O, "_teachers", lambda which, *args: which)
    O._nested(letters, 1, "cpu", "full", chosen=("course", "half"), n=2)
    assert asked==[((), .3, CNN, "Augment"), (("rendered", "people"), .5, WideCNN, "StrongAugment")]
    for rows, (_, va) in zip(seen, P.person_folds(letters, 2)): assert not any(o.tobytes() in rows for o in letters.x[va])

def test_where_it_looks_finds_the_spot():
    def read(x):
        p = np.zeros((len(x), 24)); p[:, 3] = x[:, 5:9, 10:14].mean((1, 2))/255
        return p
    picture = np.zeros((28, 28), np.uint8); picture[5:9, 10:14] = 255
    costs = O.where_it_looks(read, picture, 3, side=3)
    assert costs.shape==(28, 28) and costs.max()==costs[6, 11]>.4 and costs[20:].max()==0 and costs[:, 20:].max()==0
    assert np.abs(O.where_it_looks(read, picture, 4)).max()==0, "another letter does not rest on it"

def test_without_people_photographs_are_left_out(letters, monkeypatch):
    made = []
    monkeypatch.setattr(P, "fit_reader", lambda x, y, *args, **kwargs: made.append(len(y)) or CNN().eval())
    monkeypatch.setattr(P, "_teachers", lambda *args: None)
    nobody = replace(letters, person=None, person_test=None) if hasattr(letters, "__dataclass_fields__") else letters
    res = P._reader(nobody, 1, "cpu", "smoke")
    assert len(made)==3 and "people" not in res and 0<=res["threshold"]<=1 and res["_scores"].shape==(960, 24)

def test_measured_hands_are_left_out_where_there_are_none(monkeypatch):
    monkeypatch.setattr(P, "find_joints", lambda: None)
    x, y = P._teachers(("rendered", "people"), 1, "smoke", 9600, .5, .5, "cpu")
    assert len(x)==len(y)==240 and P._teachers((), 1, "smoke", 9600, .5, .5, "cpu") is None

def test_left_hands_are_turned_into_right_ones(monkeypatch, tmp_path):
    crop = np.zeros((2, 64, 64), np.uint8); crop[:, :, :32] = 200
    np.savez(tmp_path/"people.npz", letter=np.array(["A", "L"]), person=np.array(["p01", "p01"]), checked=np.ones(2, bool), landmarks=np.ones((2, 21, 3), np.float32),
             world=np.ones((2, 21, 3), np.float32), handed=np.array([.9, -.9], np.float32), size=np.full((2, 2), 64), found=np.ones(2, bool), crop=crop)
    monkeypatch.setattr(P, "find_joints", lambda: tmp_path/"people.npz")
    (right, left), y = P._measured_teachers()
    assert (left==right[:, ::-1]).all() and right[14, 3]==200 and [LETTERS[k] for k in y]==["A", "L"]

def test_the_file_says_which_network_it_holds(tmp_path):
    about = About(LETTERS, (28, 28), "shipped.reader", {}, 1.2, .5, {}, "WideCNN")
    model = WideCNN().eval()
    again, said = load_model(save_model(model, tmp_path/"m.safetensors", about))
    x = torch.rand(3, 1, 28, 28)
    with torch.no_grad(): assert isinstance(again, WideCNN) and said.net=="WideCNN" and torch.equal(again(x), model(x))
    with pytest.raises(ValueError, match="holds weights of 'VGG': expected CNN or WideCNN"): load_model(save_model(model, tmp_path/"v.safetensors", replace(about, net="VGG")))
    with pytest.raises(ValueError, match="other weights"): load_model(save_model(model, tmp_path/"c.safetensors", replace(about, net="CNN")))
