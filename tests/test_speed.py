"Measuring, patches, the ladder and the race: what they promise, what they refuse, and what was reached"
import inspect
import numpy as np, pytest, torch, torch.nn as nn, torch.nn.functional as F
from asl_course import core, races, speed
from asl_course.core import *
from asl_course.records import *
from asl_course.data import *
from asl_course.cnn import CNN
from asl_course.measure import *
from asl_course.patches import *
from asl_course.speed import *

# -- measure

def test_timed_leaves_the_first_call_out():
    calls = []
    time_call(lambda: calls.append(1), n=3)
    assert len(calls)==4

def test_operations_and_bytes_of_layers():
    net = nn.Sequential(nn.Conv2d(3, 5, 3, stride=2, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(5*4*4, 7)).train()
    t = count_operations(net, torch.rand(2, 3, 9, 9), n=1)
    assert t.layer.tolist()==["Conv2d", "ReLU", "Flatten", "Linear"] and net.training
    assert t.operations.iloc[0]==2*27*5*16*2 and t.operations.iloc[3]==2*80*7*2 and t.operations.iloc[1]==160
    assert t.bytes.iloc[0]==4*(2*3*81+2*5*16+5*27) and (t.seconds>0).all()

def test_bound_takes_the_slower_of_the_two():
    import pandas as pd
    t = find_limits(pd.DataFrame(dict(layer=["a", "b"], operations=[100, 1], bytes=[1, 100], seconds=[2., 2.])), Peaks(100, 1000, 100))
    assert t.by.tolist()==["operations", "bytes"] and t.least.tolist()==[1, 1] and t.reached.tolist()==[.5, .5]
    assert find_limits(t, Peaks(100, 1000, 100), cast=True).least.iloc[0]==.1

def test_kept_bytes_counts_each_tensor_once():
    x = torch.randn(100, requires_grad=True)
    assert kept_bytes(lambda: (x*x).sum())==400 and kept_bytes(lambda: (x+1).sum())==0

def test_fast_dtype_follows_the_machine(monkeypatch):
    from asl_course import measure
    for ops16, want in ((1., torch.float32), (2., torch.bfloat16)):
        fast_dtype.cache_clear(); monkeypatch.setattr(measure, "measure_peaks", lambda *a: Peaks(1., ops16, 1.))
        assert fast_dtype("cpu")==want
    fast_dtype.cache_clear()

def test_flame_nests_calls():
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as prof:
        with torch.profiler.record_function("outer"): (torch.rand(50, 50)@torch.rand(50, 50)).sum()
    calls = profile_spans(prof)
    depth = {n: k for n, t, d, k in calls}
    assert depth["outer"]==0 and depth["matmul"]==1 and depth["mm"]==2 and min(t for _, t, _, _ in calls)==0
    assert draw_flame(prof, "A title", 3).axes[0].get_title()=="A title"

# -- patches

def test_even_light_forgets_light_and_keeps_edges():
    x = torch.rand(4, 1, 28, 28)
    assert torch.allclose(even_light(x*.7+.1), even_light(x), atol=.15) and even_light(torch.ones(1, 1, 28, 28)).abs().max()==0
    m = local_mean(11, 5)
    assert torch.allclose(m[5, 3:8], torch.full((5,), .2)) and torch.allclose(m[0], torch.tensor([.2, .4, .4]+[0.]*8))

def test_filters_are_whitened():
    "Answers to patches of pictures vary together far less than pixels do, whatever the pictures' own correlations"
    g = torch.Generator().manual_seed(0)
    x = F.avg_pool2d(torch.randn(60, 1, 32, 32, generator=g), 5, 1)*2 # smooth noise
    w, b = patch_filters(x, 40, g, floor=1e-4)
    p = F.unfold(x, 6).transpose(1, 2).reshape(-1, 36)
    a = F.conv2d(x, w, b).permute(0, 2, 3, 1).reshape(-1, 40)
    alike = lambda o: torch.corrcoef(o.T).fill_diagonal_(0).abs().mean()
    assert alike(a)<.4*alike(p) and a.mean(0).abs().max()<.5*a.std() and w.sum((1, 2, 3)).abs().max()<1e-3

def test_ridge_agrees_with_sklearn():
    from sklearn.linear_model import Ridge
    g = torch.Generator().manual_seed(0)
    f, y = torch.randn(300, 12, generator=g), torch.randint(0, 24, (300,), generator=g)
    f = f-f.mean(0)
    w, b = ridge(f, y, .1)
    peer = Ridge(alpha=30.).fit(f.numpy(), F.one_hot(y, 24).numpy())
    assert np.allclose(w, peer.coef_, atol=1e-4) and np.allclose(b, peer.intercept_, atol=1e-4)

def test_patch_fit_reads_repeats_itself_and_refuses_flat_pictures(hands):
    a, b, c = (patch_fit(hands.x, hands.y, s, nf=32, n=1500) for s in (1, 1, 2))
    one = torch.as_tensor(hands.x_test[:5])[:, None]/255
    assert torch.equal(a(one), b(one)) and not torch.equal(a(one), c(one)) and not a.training
    assert judge_scores(scores_of(a, hands.x_test), hands.y_test).acc>.6
    with pytest.raises(ValueError, match="100 pictures, each of one grey"): patch_fit(np.zeros((100, 28, 28), np.uint8), np.arange(100)%24, 0)

def test_patches_in_bfloat16_read_the_same(hands):
    a, b = (patch_fit(hands.x, hands.y, 1, nf=32, n=1000, cast=c) for c in (torch.float32, torch.bfloat16))
    pa, pb = (scores_of(m, hands.x_test).argmax(1) for m in (a, b))
    assert (pa==pb).float().mean()>.9

# -- the ladder

def test_t3_dataset_is_t3s():
    x, y = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8), np.arange(5)
    im, label = T3Dataset(x, y)[3]
    assert label==3 and torch.allclose(im[0], torch.as_tensor(x[3])/127.5-1, atol=1e-6) and len(T3Dataset(x, y))==5

def test_muon_steps_are_orthogonal_and_go_downhill():
    torch.manual_seed(0)
    k = nn.Parameter(torch.randn(8, 4, 3, 3)); before = k.detach().clone()
    goal = torch.randn(8, 4, 3, 3)
    loss = lambda: ((k-goal)**2).sum()
    opt = Muon([k], lr=.1)
    first = loss(); first.backward(); opt.step()
    s = torch.linalg.svdvals((before-k.detach()).flatten(1)/.1)
    assert s.min()>.5 and s.max()<1.4
    for _ in range(60): opt.zero_grad(); loss().backward(); opt.step()
    assert loss()<first*.2

def test_every_parameter_has_one_optimiser():
    net = PoolFirst()
    for name, n in (("sgd", 1), ("adamw", 1), ("muon", 2)):
        opts = make_optimisers(net, name, .1)
        ids = [id(p) for o in opts for g in o.param_groups for p in g["params"]]
        assert len(opts)==n and sorted(ids)==sorted(id(p) for p in net.parameters())
    assert all(p.dim()==4 and p.shape[1]>1 for g in opts[1].param_groups for p in g["params"]) and len(opts[1].param_groups[0]["params"])==3

def test_rows_that_are_chosen():
    groups = np.repeat(np.arange(30), np.r_[np.full(29, 2), 400])
    assert len(speed.chosen(0, groups, 1))==458 and len(set(speed.chosen(50, groups, 1)))==50
    one = speed.chosen("photographs", groups, 1)
    assert sorted(groups[one])==list(range(30))
    assert np.mean(groups[speed.chosen("uneven", groups, 1)]==29)<.1 # 400 of 458 rows, one of 30 photographs

def test_a_rung_goes_on_without_what_is_missing(hands, monkeypatch):
    monkeypatch.setattr(speed, "fast_dtype", lambda d: torch.float32)
    r = speed._rung(hands.sample(1500, 48), 1, "cpu", "smoke", rows=128)
    assert r["missing"]=="bfloat16 is not faster than float32 here" and 0<=r["valid"]["acc"]<=1 and r["train_seconds"]>0
    def broken(*a, **k): raise RuntimeError("no compiler")
    monkeypatch.setattr(torch, "compile", broken)
    r = speed._rung(hands.sample(1500, 48), 1, "cpu", "smoke", rows=128, cast=False, compiled=True)
    assert r["missing"]=="torch.compile does not work here (RuntimeError)" and r["rows"]==128

def test_a_rung_keeps_photographs_apart(hands, monkeypatch):
    seen = {}
    def spy(x, y, *a, **k): seen["x"] = x; return CNN(), 1., 1
    monkeypatch.setattr(speed, "train_rung", spy)
    monkeypatch.setattr(speed, "scores_of", lambda m, x, d: (seen.setdefault("valid", x), torch.zeros(len(x), 24))[1])
    speed._rung(hands, 1, "cpu", "smoke")
    photo = {p.tobytes(): k for p, k in zip(hands.x, hands.photo)}
    both = {photo[p.tobytes()] for p in seen["x"]}&{photo[p.tobytes()] for p in seen["valid"]}
    assert len(seen["x"])+len(seen["valid"])==len(hands.y) and len(both)<.03*len(set(photo.values()))

def test_climb_trains_and_averages(hands):
    x, y = hands.x[:640], hands.y[:640]
    kept = []
    def run(**k): net, t, n = train_rung(x, y, 3, cast=False, changes={}, **k); kept.append(n); return torch.cat([p.flatten() for p in net.parameters()])
    a, b, mean = run(), run(), run(average=.4)
    assert torch.equal(a, b) and not torch.equal(a, mean) and kept==[5, 5, 5]
    assert (a-mean).norm()<.3*(a-run(lr=1e-9, epochs=1, opt="adamw")).norm(), "the mean of the last steps lies near the last"

def test_other_starts(hands):
    net = PoolFirst(); was = net[1].weight.std().item()
    speed.set_start(net, "whitened", hands.x, 0)
    assert torch.allclose(net[1].weight[:8], -net[1].weight[8:]) and net[1].weight.std().item()==pytest.approx(was, rel=.01)
    speed.set_start(net, "identity", hands.x, 0)
    x = torch.rand(1, 16, 5, 5)
    assert torch.allclose(net[5](x)[:, :16], x)

# -- the race

def test_speedrun_on_rendered_hands(hands):
    core.readings.begin()
    a, b = speedrun(1, "cpu", hands), speedrun(1, "cpu", hands)
    assert core.readings.n==2 and a.acc==b.acc and a.acc>.6 and a.seconds==sum(t for _, t in a.log) and [o for o, _ in a.log]==["patches"]
    pair = speedrun(1, "cpu", hands, nf=32, n=1000, rows=1500)
    assert [o for o, _ in pair.log]==["patches", "network"] and pair.acc>.4 and not pair.model.training
    xb = torch.as_tensor(hands.x_test[:4])[:, None]/255
    with torch.no_grad(): assert torch.allclose(pair.model(xb), pair.model.cnn(xb).log_softmax(1)+10*pair.model.patches(xb), atol=1e-4)

def test_other_recipes_run(hands):
    s = hands.sample(2000, 100)
    r = races._sizes(s, 42, "cpu", "smoke")
    assert set(r)=={"48-3000-0", "64-4000-14000"} and all(v["valid"]["acc"]>.3 for v in r.values())
    threads = torch.get_num_threads()
    r = races._growth(s, 42, "cpu", "smoke")
    assert torch.get_num_threads()==threads and r["sides"]["56"]["kept"]>3.5*r["sides"]["28"]["kept"] and r["pictures"]["400"]["data"]==400*784
    r = races._workers(s, 42, "cpu", "smoke")
    assert r["batches"]>0 and all(t>0 for o in ("times1", "times4") for t in r[o].values())
