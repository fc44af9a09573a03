"fastai around our batches, the shipped recipe, and what neither may do"
import numpy as np, pytest, torch, torch.nn.functional as F
import fastai.callback.all
from fastai.interpret import ClassificationInterpretation
from fastai.learner import Learner, load_learner
from fastai.losses import CrossEntropyLossFlat
from asl_course.core import *
from asl_course.records import *
from asl_course.data import *
from asl_course.cnn import CNN
from asl_course.learner import *
from asl_course.devices import *
from asl_course.mlp import MLP

@pytest.fixture
def learn(hands, tmp_path):
    set_seed(0)
    return Learner(letter_dls(hands.x, hands.y, hands.x_test, hands.y_test, path=tmp_path), CNN(), CrossEntropyLossFlat(), path=tmp_path)

def test_batches_are_ours_and_keep_their_order_when_asked(hands, learn):
    dl = learn.dls.train
    seen = torch.cat([yb for _, yb in dl])
    assert len(seen)==2400 and len(dl)==19 and not torch.equal(seen, dl.batches.y) and torch.equal(seen.sort()[0], dl.batches.y.sort()[0])
    for fixed in (dl.new(shuffle=False), dl.new(get_idxs=lambda: range(2400))):
        assert torch.equal(torch.cat([yb for _, yb in fixed]), dl.batches.y) and fixed.batches.x.data_ptr()==dl.batches.x.data_ptr()
    assert list(dl.vocab)==list(LETTERS)

def test_too_few_names(hands):
    with pytest.raises(ValueError, match="labels reach 23: expected 0 to 9, for 10 names"): LetterDL(Batches(hands.x, hands.y), LETTERS[:10])

def test_interpretation_counts_every_validation_row(hands, learn):
    with learn.no_bar(), learn.no_logging():
        learn.fit(1, 1e-3)
        cm = ClassificationInterpretation.from_learner(learn).confusion_matrix()
        scores, y = learn.get_preds()
    assert cm.shape==(24, 24) and cm.sum()==240 and (cm.sum(1)==np.bincount(hands.y_test, minlength=24)).all()
    check_close(scores, scores_of(learn.model, hands.x_test).softmax(1), 1e-4)

def test_a_change_touches_train_batches_only(hands, learn):
    learn.add_cb(ChangeBatch(lambda xb: xb*0))
    seen = []
    learn.model.register_forward_hook(lambda m, args, out: seen.append((m.training, bool((args[0]==0).all()))))
    with learn.no_bar(), learn.no_logging(): learn.fit(1, 1e-3)
    assert set(seen)=={(True, True), (False, False)}

def test_autocast_computes_in_16_bits_and_keeps_weights_in_32(hands, learn):
    learn.add_cb(Autocast())
    kinds = set()
    learn.model[-1].register_forward_hook(lambda m, args, out: kinds.add(out.dtype))
    with learn.no_bar(), learn.no_logging():
        learn.fit(1, 1e-3)
        scores, _ = learn.get_preds(act=lambda o: o)
    assert kinds=={torch.bfloat16} and scores.dtype==torch.float32 and {p.dtype for p in learn.model.parameters()}=={torch.float32}
    assert not torch.is_autocast_enabled("cpu"), "left on for whoever comes next"

def test_export_is_whole_or_not_at_all(hands, learn, tmp_path):
    odd = Learner(learn.dls, CNN(), lambda p, y: F.cross_entropy(p, y), path=tmp_path)
    with pytest.raises(ValueError, match="loss_func cannot be exported"): export_learner(odd, tmp_path/"odd.pkl")
    assert not (tmp_path/"odd.pkl").exists()
    p = export_learner(learn, tmp_path/"learn.pkl")
    assert p.stat().st_size<1e6, "the pictures went with it"
    assert learn.dls.train.batches.y.shape==(2400,), "the Learner lost its data"
    with pytest.warns(UserWarning, match="insecure pickle"): back = load_learner(p)
    check_close(scores_of(back.model, hands.x_test[:50]), scores_of(learn.model, hands.x_test[:50]), 1e-5)

def test_processes_must_share_equally():
    with pytest.raises(ValueError, match=r"batches of \[5\] pictures.*2 processes"): shared_losses(MLP(784, (4,), 24), [(torch.rand(5, 1, 28, 28), torch.arange(5))], .1)

def test_shipped_recipe_has_nothing_left_to_choose(hands):
    from asl_course import core
    core.readings.begin()
    a, b = (train_recipe(5, "cpu", hands, epochs=1) for _ in range(2))
    assert core.readings.n==2, "one look at the test file each"
    assert a.acc==b.acc and a.loss==b.loss and all(torch.equal(p, q) for p, q in zip(a.model.state_dict().values(), b.model.state_dict().values()))
    assert "valid_loss" not in a.history.frame and not a.model.training and a.seconds>0
    assert a.acc==judge_scores(scores_of(a.model, hands.x_test), hands.y_test).acc

def test_choice_asks_each_network_about_photographs_it_has_not_seen(hands, monkeypatch):
    from asl_course import ablations
    few = hands.sample(600, 100)
    groups, row = ablations.photo_groups(few.x), {o.tobytes(): i for i, o in enumerate(few.x)}
    rows, asked = lambda x: np.array([row[o.tobytes()] for o in x]), []
    right = np.random.default_rng(0).random(600)<.4+.3*(groups%2) # some photographs mostly, some seldom
    def note(x, y, *args, **kwargs):
        assert kwargs["tfm"].flip==0
        return set(groups[rows(x)]), None
    def read(seen, x, device):
        i = rows(x); asked.extend(i); assert not seen&set(groups[i])
        return F.one_hot(torch.as_tensor(np.where(right[i], few.y[i], (few.y[i]+1)%24)), 24).float()
    monkeypatch.setattr(ablations, "cnn_fit", note); monkeypatch.setattr(ablations, "scores_of", read)
    res = ablations._choose_changes(few, 0, "cpu", "full", SHIPPED_CHANGES, n=3)
    assert sorted(asked)==list(range(600)) and res["valid"]["acc"]==pytest.approx(right.mean())
    wrong = np.array([1-right[groups==g].mean() for g in np.unique(groups)])
    assert res["photographs"]==(wrong>.5).sum() and ((wrong>0)&(wrong<=.5)).any() and ((wrong>.5)&(wrong<1)).any()

def test_what_is_shipped_is_what_was_chosen(hands, monkeypatch):
    "`train_recipe` and the recipe `shipped.choice-no-flip` train alike, but for the rows"
    from asl_course import ablations, learner
    from asl_course.records import recipes
    seen = []
    def note(x, y, seed, device, epochs, **kwargs):
        seen.append((seed, epochs, {k: v for k, v in kwargs.items() if k!="tfm"}, repr(kwargs["tfm"])))
        return CNN(), None
    for o in (ablations, learner): monkeypatch.setattr(o, "cnn_fit", note)
    train_recipe(7, "cpu", hands)
    ablations._choose_changes(hands.sample(600, 100), 7, "cpu", "full", **{**recipes["shipped.choice-no-flip"].settings, "n": 2})
    assert len(seen)==3 and seen[0]==seen[1]==seen[2] and "flip" not in seen[0][3] and "rotate=10" in seen[0][3]
