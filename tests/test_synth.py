"Rendered hands: geometry, poses, data sets, what they refuse, and how hard they are"
import base64, io
import numpy as np, pytest, torch
from hypothesis import given, settings, strategies as st
from torch import tensor
from asl_course.core import *
from asl_course import outside
from asl_course.records import *
from asl_course.data import *
from asl_course.synth import *
from asl_course import synth

def test_synth(few_hands, tmp_path):
    assert few_hands.source=="synth" and few_hands.x.shape==(960, 28, 28) and few_hands.x.dtype==np.uint8 and set(few_hands.y)==set(range(24))
    assert not set(few_hands.person)&set(few_hands.person_test) and not set(few_hands.photo)&set(few_hands.photo_test)
    again = synth_letters(960, 240, 3, tmp_path)
    assert (again.x==few_hands.x).all() and (again.x_test==few_hands.x_test).all() and (synth_letters(960, 240, 4, tmp_path).x!=few_hands.x).any()
    for p in np.unique(few_hands.photo): assert len(set(few_hands.y[few_hands.photo==p]))==1 and len(set(few_hands.person[few_hands.photo==p]))==1

@pytest.mark.parametrize("kw,match", [(dict(n_train=23), "n_train is 23"), (dict(n_test=0), "n_test is 0"), (dict(seed=1.5), "seed is 1.5"), (dict(seed=-1), "seed is -1"), (dict(n_train="x"), "n_train is 'x'")])
def test_bad_synth(kw, match):
    with pytest.raises(ValueError, match=match): synth_letters(**{**dict(n_train=24, n_test=24), **kw})

def test_damaged_synth_is_drawn_again(tmp_path):
    a = synth_letters(48, 24, 0, tmp_path); f = next(tmp_path.iterdir()); f.write_bytes(f.read_bytes()[:500])
    with pytest.warns(UserWarning, match="the kept copy of the rendered hands is damaged .* it is made again"): b = synth_letters(48, 24, 0, tmp_path)
    assert (a.x==b.x).all()

@pytest.mark.parametrize("letter,match", [("J", "it moves"), ("Z", "it moves"), ("a", "no letter"), ("7", "no letter")])
def test_render_refuses(letter, match):
    with pytest.raises(ValueError, match=match): render_hands(letter)

def test_render_sizes():
    for s in (7, 4097, 28.): 
        with pytest.raises(ValueError, match="8 to 4096"): render_hands("A", s)
    im = render_hands("AB", 32); assert im.shape==(2, 32, 32) and 0<=im.min() and im.max()<=1
    assert (render_hands("A", 40)-render_hands("B", 40)).abs().mean()>.02

def test_cast_against_marching():
    "The closed form agrees with the highest of many balls along each capsule"
    g = torch.Generator().manual_seed(0)
    a, b = torch.randn(4, 3, 3, generator=g)*20, torch.randn(4, 3, 3, generator=g)*20
    ra, rb = 5+5*torch.rand(4, 3, generator=g), 5+5*torch.rand(4, 3, generator=g)
    px, py = torch.randn(4, 500, generator=g)*20, torch.randn(4, 500, generator=g)*20
    depth, normal, _ = cast_rays(a, b, ra, rb, px, py)
    t = torch.linspace(0, 1, 2001)[:, None, None]
    best = torch.full((4, 500), -1e4)
    for k in range(3):
        c, r = a[:, k]+t[..., 0, None]*(b-a)[:, k], ra[:, k]+t[..., 0]*(rb-ra)[:, k]
        g2 = r[..., None]**2-(px-c[..., :1])**2-(py-c[..., 1:2])**2
        best = torch.maximum(best, torch.where(g2>=0, c[..., 2:]+g2.clamp(min=0).sqrt(), -1e4).amax(0))
    hit = (depth>-1e3)&(best>-1e3)
    assert (depth[hit]-best[hit]).abs().max()<.05 and ((depth>-1e3)!=(best>-1e3)).float().mean()<.005
    check_close(normal[hit].norm(dim=-1), torch.ones(int(hit.sum())))

def test_soft_normals_are_the_hard_ones_away_from_seams():
    a, b, r = torch.zeros(1, 1, 3), tensor([[[30., 0, 0]]]), tensor([[8.]])
    px, py = tensor([[5., 15., 25.]]), tensor([[0., 4., -4.]])
    two = lambda t: torch.cat([t, t-1000 if t.shape[-1]==3 else t], 1) # a second cone far behind changes nothing
    check_close(cast_rays(two(a), two(b), two(r), two(r), px, py)[1], cast_rays(a, b, r, r, px, py)[1])
    check_close(cast_rays(a, b, r, r, px, py)[1][0, 1], [0., .5, .75**.5])

@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=26, max_size=26))
def test_bones_keep_their_lengths(at):
    lo, hi = tensor([synth._LIMITS[k][i] for k, i in synth._SLOTS]).float().T
    for f, p in joint_places((lo+tensor(at)*(hi-lo))[None]).items():
        check_close((p[0, 1:]-p[0, :-1]).norm(dim=-1), BONES[f], 1e-4)

def test_poses_are_within_limits_and_differ():
    table = torch.stack([POSES[o] for o in LETTERS])
    check_close(clamp_pose(table), table)
    x = render_hands(LETTERS, 28).flatten(1)
    d = torch.cdist(x, x)+1e3*torch.eye(24)
    assert d.min()>1., f"{LETTERS[int(d.min(1)[0].argmin())]} looks like another letter"

def test_clamp_pose():
    wild = POSES["A"]+tensor([500.]*13+[-500.]*13)
    assert (clamp_pose(wild)<=tensor([synth._LIMITS[k][i][1] for k, i in synth._SLOTS])).all() and (clamp_pose(wild)>=tensor([synth._LIMITS[k][i][0] for k, i in synth._SLOTS])).all()

@pytest.mark.parametrize("kw,match", [(dict(index=(200, 0, 0, 0)), "index, knuckle, is 200 degrees: a hand allows -20 to 100"), (dict(thumb=(0, 0, 0)), "thumb takes 5 angles"),
                                      (dict(ring=(0, 0, 0, 90)), "ring, spread"), (dict(little=(0, 0, float("nan"), 0)), "little, tip")])
def test_pose_refuses(kw, match):
    with pytest.raises(ValueError, match=match): make_pose(**kw)

def test_more_is_refused():
    for f, match in ((lambda: render_hands(torch.zeros(2, 7)), "7 angles"), (lambda: render_hands(""), "no letter given"), (lambda: render_hands("A", True), "8 to 4096"),
                     (lambda: hand_snapshots("AJ"), "it moves"), (lambda: hand_snapshots("A", 7), "8 to 4096"), (lambda: hand_snapshots("A", seed=.5), "seed is 0.5"),
                     (lambda: synth_letters(24, 24, left=2), "left is 2"), (lambda: synth_letters(24, 24, seed=True), "seed is True")):
        with pytest.raises(ValueError, match=match): f()

def test_another_version_is_drawn_again(tmp_path, monkeypatch):
    a, drawn, half = synth_letters(48, 24, 0, tmp_path), [], synth._synth_half
    monkeypatch.setattr(synth, "_synth_half", lambda *args: drawn.append(1) or half(*args))
    synth_letters(48, 24, 0, tmp_path); assert not drawn
    monkeypatch.setattr(synth, "_VERSION", -1)
    assert (synth_letters(48, 24, 0, tmp_path).x==a.x).all() and len(drawn)==2

def test_strips_and_batches_change_nothing(monkeypatch):
    whole = render_hands("AVQ", 64)
    monkeypatch.setattr(synth, "_RAYS", 50_000)
    check_close(render_hands("AVQ", 64), whole, 1e-4)

def test_a_large_picture_is_the_small_one_with_more_pixels():
    small, large = render_hands("K", 64), render_hands("K", 640)
    assert (torch.nn.functional.avg_pool2d(large[:, None], 10)[:, 0]-small).abs().mean()<.01

def test_signers_are_the_same_in_every_set_and_differ():
    a, b = (hand_photographs(tensor([4, 4]), tensor(w), torch.Generator().manual_seed(0), vary=0.) for w in ([3, 9], [3, 50]))
    assert (a[0]==b[0]).all() and (a[1]!=b[1]).any() and (a[0]!=a[1]).any()

def test_left_hands_are_mirrored(tmp_path):
    args = tensor([11]), tensor([5])
    a, b = (hand_photographs(*args, torch.Generator().manual_seed(0), left=tensor([o])) for o in (False, True))
    assert (a==b.flip(-1)).all() and (a!=b).any()
    right, half = (synth_letters(480, 24, 0, tmp_path, left=o) for o in (0., .5))
    differ = (right.x!=half.x).any((1, 2))
    assert set(half.person[differ])<=set(range(12)) and differ[half.person<12].mean()>.95, "half of the signers, always the same ones"

def test_boxes_touch_the_hand():
    "On a black wall the first bright row and the last bright column lie on the edge of the box; the forearm leaves the other ways"
    x, box = draw_hands(torch.stack([POSES[o] for o in "LGC"]), 128, zoom=tensor([.5, .4, .6]), shift=tensor([[.1, .1], [-.2, 0.], [0., -.1]]), wall=torch.zeros(3, 4, 1))
    for im, (cx, cy, w, h) in zip(x[:, 0]>.05, (box*128).tolist()):
        assert abs(im.any(1).nonzero().min()-(cy-h/2))<3 and abs(im.any(0).nonzero().max()-(cx+w/2))<3

def test_snapshots():
    a, box = hand_snapshots("AB", 48, 1); b, _ = hand_snapshots("AB", 48, 1); c, _ = hand_snapshots("AB", 48, 2)
    assert a.dtype==torch.uint8 and a.shape==(2, 48, 48, 3) and (a==b).all() and (a!=c).any() and box.shape==(2, 4)
    many, box = hand_snapshots("CL"*12, 32, 3, left=.5)
    assert (box[:, :2]-box[:, 2:]/2).min()>=0 and (box[:, :2]+box[:, 2:]/2).max()<=1
    assert many.float().std(-1).mean()>2, "grey, where colour was promised"

def test_recipes_measure(few_hands):
    r = run_recipe("synth.difficulty", few_hands, 1, scale="smoke")
    assert {*r}=={"linear", "cnn"} and 2/24<r["linear"]["valid"]["acc"]<=1
    s = outside._sim_to_real(few_hands.sample(240, 240, 0), 1, "cpu", "full", n=240, epochs=6, bs=32)
    assert len(s["recall"])==24 and s["test"]["acc"]>3/24
