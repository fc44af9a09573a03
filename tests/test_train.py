"fit, evaluate, histories, weights: what they promise and what they refuse"
import numpy as np, pytest, torch, torch.nn as nn, torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
from asl_course.core import *
from asl_course.data import *
from asl_course.train import *
from asl_course.tutorials.t1 import Multiply

@pytest.fixture()
def toy():
    "Pictures whose letter can be read off: bright in one of 24 places"
    g = np.random.default_rng(0)
    y = np.arange(480)%24
    x = g.integers(0, 60, (480, 28, 28), dtype=np.uint8)
    x[np.arange(480), y+2] += 150
    return x, y

def net(seed=0): set_seed(seed); return LogisticRegression()

def test_fit_is_the_bare_loop(toy):
    a, b = net(), net()
    fit(a, Batches(*toy, 50, shuffle=True, seed=3), None, 3, .1, progress=False)
    opt, dl = torch.optim.SGD(b.parameters(), lr=.1), Batches(*toy, 50, shuffle=True, seed=3)
    for _ in range(3):
        for xb, yb in dl: F.cross_entropy(b(xb), yb).backward(); opt.step(); opt.zero_grad()
    check_close(a.linear.weight, b.linear.weight)

def test_fit_learns_and_history_is_right(toy):
    m, dv = net(), Batches(*toy, 77)
    h = fit(m, Batches(*toy, 50, shuffle=True), dv, 15, .3, progress=False)
    s = evaluate(m, dv)
    assert s.acc>.9 and list(h.frame.index)==list(range(15))
    check_close(h.frame.valid_acc.iloc[-1], s.acc); check_close(h.frame.valid_loss.iloc[-1], s.loss, 1e-4)
    assert "train_loss" in repr(h) and h._repr_html_().startswith("<div")
    assert len(h.plot().axes)==2

def test_train_scores_weigh_rows_not_batches(toy):
    "With nothing learned, the train score of an epoch is that of all rows, whatever the batches"
    x, y = toy[0][:130], toy[1][:130]
    h = fit(net(), Batches(x, y, 64), None, 1, 0., progress=False).frame
    s = evaluate(net(), Batches(x, y, 130))
    check_close(h.train_loss[0], s.loss, 1e-4); check_close(h.train_acc[0], s.acc, 1e-4)

def test_modes(toy):
    "Dropout works while training and rests while evaluating"
    seen = []
    class Spy(nn.Module):
        def forward(self, x): seen.append(self.training); return x
    m = nn.Sequential(Spy(), LogisticRegression())
    fit(m, Batches(*toy, 240), Batches(*toy, 480), 1, .1, progress=False)
    assert seen[-3:]==[True, True, False]

def test_best_needs_validation(toy):
    with pytest.raises(ValueError, match="validation batches"): fit(net(), Batches(*toy, 240), None, 2, .1, best=True, progress=False)

def test_schedule_transform_optimiser_best(toy):
    lrs = []
    fit(net(), Batches(*toy, 240), None, 2, .4, sched=lambda t: lrs.append(t) or 1-t, progress=False)
    assert lrs==[0, .25, .5, .75]
    assert fit(net(), Batches(*toy, 240), None, 2, .4, sched=lambda t: 1-t, progress=False).frame.lr.tolist()==pytest.approx([.3, .1])
    dark = fit(net(), Batches(*toy, 480), None, 1, .1, tfm=lambda xb: xb*0, progress=False).frame.train_loss[0]
    check_close(dark, F.cross_entropy(net()(torch.zeros(480, 784)), torch.as_tensor(toy[1])), 1e-4)
    m = net(); h = fit(m, Batches(*toy, 60, shuffle=True), Batches(*toy, 480), 6, 30., best=True, progress=False)
    assert h.best_epoch==h.frame.valid_loss.idxmin() and abs(evaluate(m, Batches(*toy, 480)).loss-h.frame.valid_loss.min())<1e-3*h.frame.valid_loss.min()
    assert fit(net(), Batches(*toy, 60), None, 1, 1e-3, torch.optim.Adam, progress=False).frame.train_loss[0]<4

def test_any_loader_will_do(toy):
    x, y = torch.as_tensor(toy[0]).float()/255, torch.as_tensor(toy[1])
    h = fit(net(), DataLoader(TensorDataset(x, y), 100), DataLoader(TensorDataset(x, y), 100), 1, .1, progress=False)
    check_close(h.frame.train_loss[0], fit(net(), Batches(*toy, 100), None, 1, .1, progress=False).frame.train_loss[0], 1e-4)

def test_fit_refuses(toy):
    x, y = toy
    for f, kind, match in ((lambda: fit(net(), Batches(x, y), None, 0, .1), ValueError, "epochs is 0"),
                           (lambda: fit(LogisticRegression(784, 20), Batches(x, y), None, 1, .1), ValueError, "class index 23, the model has 20 outputs"),
                           (lambda: fit(LogisticRegression(784, 23), Batches(x[:20], y[:20]), Batches(x, y), 1, .1), ValueError, "valid has class index 23"),
                           (lambda: fit(net(), DataLoader([], 4), None, 1, .1), ValueError, "train has no batches"),
                           (lambda: fit(net(), Batches(x, y), DataLoader([], 4), 1, .1), ValueError, "valid has no batches"),
                           (lambda: Batches(x[:0], y[:0]), ValueError, "no pictures"),
                           (lambda: fit(net(), Batches(x, y, 48), None, 9, 1e3, loss_func=lambda s, t: -s.softmax(1).log().gather(1, t[:, None]).mean(), progress=False),
                            FloatingPointError, "the loss is (inf|nan) in epoch 0, batch [123] .*learning rate below 1000")):
        with pytest.raises(kind, match=match): f()
    meta = Batches(x, y); meta.y = meta.y.to("meta")
    with pytest.raises(ValueError, match="train is on meta, the model goes to cpu"): fit(net(), meta, None, 1, .1)

def test_weights(tmp_path, toy):
    m = net(1); dv = Batches(*toy, 100)
    p = save_weights(m, tmp_path/"w.safetensors")
    assert p.is_absolute() and evaluate(load_weights(net(2), p), dv)==evaluate(m, dv)
    assert [o.name for o in tmp_path.iterdir()]==["w.safetensors"]
    other, before = LogisticRegression(784, 26), None
    before = other.linear.weight.clone()
    with pytest.raises(ValueError, match=r"another architecture: linear.bias is \(24,\) in the file, \(26,\) in the model"): load_weights(other, p)
    assert (other.linear.weight==before).all()
    torch.save(m.state_dict(), tmp_path/"w.pth")
    with pytest.raises(ValueError, match="w.pth is a pickle"): load_weights(net(), tmp_path/"w.pth")
    torch.save(m.state_dict(), tmp_path/"old.pth", _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match="old.pth is a pickle"): load_weights(net(), tmp_path/"old.pth")
    (tmp_path/"cut.safetensors").write_bytes(p.read_bytes()[:500])
    with pytest.raises(ValueError, match="damaged"): load_weights(net(), tmp_path/"cut.safetensors")
    with pytest.raises(FileNotFoundError): load_weights(net(), tmp_path/"none.safetensors")

def test_relative_path_lands_where_we_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path); assert save_weights(net(), "w.safetensors")==tmp_path/"w.safetensors"

def test_predict_image(toy):
    m = net(); fit(m, Batches(*toy, 50, shuffle=True), None, 15, .3, progress=False)
    i, probs = predict_image(m, toy[0][7])
    assert i==7 and probs.shape==(24,); check_close(probs.sum(), 1.)

def test_scale_and_rate_are_one_thing(toy):
    "Pixels times k, rate by k squared, start by k: the same run, but for the bias"
    runs = []
    for k in (1., 16.):
        m = nn.Sequential(Multiply(k), net())
        with torch.no_grad(): m[1].linear.weight.div_(k); m[1].linear.bias.zero_()
        m[1].linear.bias.requires_grad_(False)
        runs.append(fit(m, Batches(*toy, 60), None, 3, .1/k**2, progress=False).frame.train_loss.values)
    check_close(*runs, 1e-3)
