"Softmax, loss, gradients and the loop at the edges."
import numpy as np, torch, torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from asl_course.core import *
from asl_course.tutorials.t4 import _t4
from asl_course.scratch import *
from asl_course.synth import synth_letters

@given(st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=30))
def test_log_softmax_is_torchs(values):
    x = torch.tensor([values], dtype=torch.float64)
    check_close(log_softmax(x), F.log_softmax(x, -1), 1e-9); check_close(softmax(x).sum(), 1., 1e-9)

def test_scores_that_overflow():
    big = torch.tensor([[62., -51.], [1000., 0.], [-1000., 1000.]])
    assert torch.isfinite(log_softmax(big)).all(); check_close(log_softmax(big), F.log_softmax(big, -1))

@settings(deadline=None)
@given(st.integers(1, 20), st.integers(2, 12), st.integers(0, 99))
def test_gradients_are_autograds(n, c, seed):
    g = torch.Generator().manual_seed(seed)
    x, y = torch.randn(n, 9, generator=g, dtype=torch.float64), torch.randint(c, (n,), generator=g)
    W, b = torch.randn(9, c, generator=g, dtype=torch.float64, requires_grad=True), torch.randn(c, generator=g, dtype=torch.float64, requires_grad=True)
    F.cross_entropy(x@W+b, y).backward()
    gW, gb = gradients(x, y, W.detach(), b.detach())
    check_close(gW, W.grad, 1e-10); check_close(gb, b.grad, 1e-10)
    check_close(cross_entropy(x@W, y), F.cross_entropy(x@W, y), 1e-10)

def test_one_epoch_is_the_tutorials_loop():
    "Autograd, steps on .data, gradients zeroed: the same weights after an epoch with a ragged last batch"
    g = torch.Generator().manual_seed(0)
    x, y = torch.rand(70, 784, generator=g), torch.randint(24, (70,), generator=g)
    W, b = init_linear(1); V, d = (p.requires_grad_() for p in init_linear(1))
    sgd_epochs(W, b, x, y, 2, .1, 32)
    for _ in range(2):
        for i in range(0, 70, 32):
            F.cross_entropy(x[i:i+32]@V+d, y[i:i+32]).backward()
            for p in (V, d): p.data -= .1*p.grad; p.grad.zero_()
    check_close(W, V, 1e-4); check_close(b, d, 1e-4)

def test_shuffling_visits_all_and_is_seeded():
    seen = []
    class Spy(torch.Tensor): pass
    x, y = torch.eye(50, 784), torch.arange(50)%24
    W, b = init_linear(0, std=0); sgd_epochs(W, b, x, y, 1, 1., 7, torch.Generator().manual_seed(0))
    assert (W[:50].abs().sum(1)>0).all() # each row touched the weights of its own pixel
    V, d = init_linear(0, std=0); sgd_epochs(V, d, x, y, 1, 1., 7, torch.Generator().manual_seed(0))
    assert torch.equal(W, V)

def test_start():
    W, b = init_linear(5); assert W.shape==(784, 25) and abs(W.std()-1)<.02 and (init_linear(5)[0]==W).all() and (init_linear(6)[0]!=W).any() and not init_linear(5, std=0)[0].any()
    x, y = torch.rand(10, 784), torch.arange(10)
    check_close(cross_entropy(x@init_linear(5, std=0)[0], y), np.log(25))

def test_t4_scores_test_and_validation_apart(tmp_path):
    hands = synth_letters(480, 240, 1, tmp_path)
    from asl_course import core
    core.readings.begin()
    res = _t4(hands, 42, "cpu", "smoke", stages=((1, .1, 64),)*3)
    assert len(res["stages"])==3 and core.readings.n==4
    assert res["valid"]!=res["test"] and {"loss", "acc", "f1"}==set(res["test"])
