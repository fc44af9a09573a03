"MLP, convolution and what looks into them: what they promise and what they refuse"
import numpy as np, pytest, torch, torch.nn as nn, torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from asl_course.core import *
from asl_course.data import *
from asl_course.train import *
from asl_course.tutorials.t3 import _t3_mlp, glorot_start
from asl_course.mlp import *
from asl_course.debug import *
from asl_course.cnn import *
from asl_course.errors import grad_cam

@pytest.fixture(scope="module")
def hands(tmp_path_factory):
    from asl_course.synth import synth_letters
    return synth_letters(4800, 240, 0, tmp_path_factory.mktemp("hands"))

def n_weights(m): return sum(p.numel() for p in m.parameters())

def test_mlp_shapes_and_dropout():
    assert n_weights(MLP(784, (512, 512), 10))==784*512+512+512*512+512+512*10+10
    m = MLP(20, (7,), 3, drop=.5)
    x = torch.rand(400, 20)
    assert m(x).shape==(400, 3) and not torch.equal(m(x), m(x))
    m.eval(); assert torch.equal(m(x), m(x))
    assert MLP(4, (), 2)(torch.rand(5, 2, 2)).shape==(5, 2)

def test_rescale_and_glorot():
    assert Rescale(-1, 1)(torch.tensor([0., .5, 1.])).tolist()==[-1, 0, 1]
    set_seed(0); m = glorot_start(MLP())
    for i in (1, 3, 5):
        most = (6/sum(m[i].weight.shape))**.5 # of a uniform draw, whose spread is most/√3
        assert m[i].weight.abs().max()<=most and m[i].weight.std().item()==pytest.approx(most/3**.5, rel=.03) and (m[i].bias==0).all()

def test_t3_train_keeps_the_best_epoch_and_counts_its_looks(hands):
    from asl_course import core
    core.readings.begin()
    r = _t3_mlp(hands, 1, "cpu", "smoke", softmax=False)
    log = r["curve"]
    assert r["best_epoch"]==int(np.argmin(log["valid_loss"])) and core.readings.n==len(log["valid_loss"])+1
    assert r["test"]["acc"]==pytest.approx(log["valid_acc"][r["best_epoch"]], abs=1e-4) and r["last"]["acc"]==pytest.approx(log["valid_acc"][-1], abs=1e-4)
    core.readings.begin()
    r = _t3_mlp(hands, 1, "cpu", "smoke", softmax=False, valid="photo")
    assert core.readings.n==1 and r["valid"]!=r["test"]

def test_softmax_in_front_cannot_pass_its_floor(hands):
    r = _t3_mlp(hands, 1, "cpu", "smoke", softmax=True)
    assert min(r["curve"]["train_loss"])>np.log(np.e+23)-1

@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(5, 9), st.integers(5, 9), st.integers(0, 99))
def test_convolution_by_hand(c_in, c_out, k, stride, padding, h, w, seed):
    g = torch.Generator().manual_seed(seed)
    x, weight, bias = torch.randn(2, c_in, h, w, generator=g), torch.randn(c_out, c_in, k, k, generator=g), torch.randn(c_out, generator=g)
    check_close(conv_unfold(x, weight, bias, stride, padding), F.conv2d(x, weight, bias, stride, padding), 1e-4)
    if c_in==c_out==1: check_close(conv_loops(x[0, 0], weight[0, 0]), F.conv2d(x[:1], weight)[0, 0], 1e-4)

def test_networks_have_the_weights_that_were_printed():
    assert n_weights(T3CNN())==110_149 and n_weights(T3CNN(pad=1))+300==264_049 and n_weights(CNN())<=110_000
    for m in (T3CNN(), T3CNN(pad=1), T3CNN(relu=False), CNN()): assert m(torch.rand(2, 1, 28, 28)).shape==(2, 24)
    assert not any(isinstance(o, nn.ReLU) for o in T3CNN(relu=False).modules())

def test_receptive_field():
    conv = lambda: nn.Conv2d(1, 1, 3, padding=1)
    assert int(receptive_field([conv()]).sum())==9 and int(receptive_field([conv(), conv()]).any(0).sum())==5

def test_standardise_ignores_light_and_survives_flat_pictures():
    x = torch.rand(3, 1, 28, 28)
    check_close(Standardise()(x), Standardise()(x*.5+.2), .15)
    assert torch.isfinite(Standardise()(torch.ones(1, 1, 28, 28))).all()

def test_grad_cam_finds_what_speaks_for_a_class():
    "A network that reads one corner only, and says so"
    m = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(784, 2, bias=False))
    with torch.no_grad():
        m[0].weight.fill_(1.); m[3].weight.zero_(); m[3].weight[1].view(28, 28)[:7, :7] = 1.
    x = torch.zeros(2, 1, 28, 28); x[:, :, :7, :7] = 1
    cam, index = grad_cam(m, m[1], x)
    assert index.tolist()==[1, 1] and cam.shape==(2, 28, 28) and (cam[:, :5, :5]>.9).all() and (cam[:, 10:, 10:]==0).all()
    assert not m[1]._forward_hooks and all(p.grad is None for p in m.parameters())
    assert grad_cam(m, m[1], x, 0)[1].tolist()==[0, 0] and (grad_cam(m, m[1], x, 0)[0]==0).all()

def test_coarse():
    x = np.arange(784, dtype=np.uint16).reshape(1, 28, 28).astype(np.uint8)
    assert (coarsen(x, 28)==x).all() and len(np.unique(coarsen(x, 7)))<=49
    b = coarsen(x, 14); assert (b[0, ::2, ::2]==b[0, 1::2, 1::2]).all()
    assert b[0, 6, 8]==round(x[0, 6:8, 8:10].mean()) and coarsen(x, 7)[0, 27, 0]==round(x[0, 24:, :4].mean())
    with pytest.raises(ValueError, match="divisor"): coarsen(x, 9)

def test_one_cycle():
    t = np.linspace(0, 1, 101); v = [one_cycle(o) for o in t]
    assert max(v)==pytest.approx(1, abs=.02) and np.argmax(v)==20 and v[-1]<.01 and min(v)>0

def test_cnn_learns_and_a_seed_settles_it(hands):
    a, log = cnn_fit(hands.x[:1920], hands.y[:1920], 3, epochs=3, bs=64)
    b, _ = cnn_fit(hands.x[:1920], hands.y[:1920], 3, epochs=3, bs=64)
    assert log.frame.train_acc.iloc[-1]>.9 and all(torch.equal(p, q) for p, q in zip(a.state_dict().values(), b.state_dict().values()))

def test_the_rungs_of_the_credit_differ_by_one_thing():
    "With and without batch norm the same convolutions and places; the last one drops places alone"
    from asl_course.cnn import CNN, _cnn_flat
    def kinds(net): return [type(o).__name__ for o in net]
    plain, flat, whole = (kinds(o) for o in (_cnn_flat(False), _cnn_flat(), CNN()))
    assert [o for o in flat if o!="BatchNorm2d"]==plain and flat.count("BatchNorm2d")==4
    assert "AdaptiveMaxPool2d" not in flat and [o for o in whole if o!="AdaptiveMaxPool2d"]==flat
    for net in (_cnn_flat(False), _cnn_flat()): assert net(torch.rand(2, 1, 28, 28)).shape==(2, 24)
