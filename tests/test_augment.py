"Changes of pictures: what they promise and what they refuse"
import pytest, torch
from hypothesis import given, settings, strategies as st
from torchvision.transforms import v2
from asl_course.core import *
from asl_course.data import *
from asl_course.train import *
from asl_course.augment import *

STRONG = dict(rotate=30, zoom=.3, shift=.2, flip=.5, light=.3, contrast=.5, noise=.1, cutout=.4)

def pictures(n=8, seed=0, side=28): return torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(seed))

@settings(max_examples=30, deadline=None)
@given(st.floats(-180, 180), st.floats(.6, 1.6), st.integers(-6, 6), st.integers(-6, 6), st.booleans())
def test_the_same_pixels_as_torchvision_inside_the_frame(turn, zoom, right, down, flip):
    x, n = pictures(3), 3
    m = affine_matrices(torch.full((n,), turn), torch.full((n,), zoom), torch.tensor([[right/28, down/28]]).expand(n, 2), torch.full((n,), flip))
    there = v2.functional.affine(x.flip(-1) if flip else x, angle=turn, translate=[right, down], scale=zoom, shear=[0., 0.], interpolation=v2.InterpolationMode.BILINEAR)
    inside = warp_pictures(torch.ones_like(x), m, "black")>=1
    apart = ((warp_pictures(x, m, "black")-there).abs()*255)[inside]
    assert not len(apart) or apart.max()<2

def test_nothing_at_strength_zero():
    x = pictures()
    assert Augment()(x) is x and all(torch.equal(Augment(**{k: 0})(x), x) for k in STRONG)

@pytest.mark.parametrize("name", STRONG)
def test_each_change_changes_within_the_range_and_by_its_seed(name):
    x, one = pictures(64), {name: STRONG[name]}
    a, b, other = (Augment(**one, seed=s)(x) for s in (1, 1, 2))
    assert torch.equal(a, b) and not torch.equal(a, other) and not torch.equal(a, x)
    assert a.shape==x.shape and a.dtype==x.dtype and 0<=a.min() and a.max()<=1
    assert torch.equal(x, pictures(64)), "the batch that came in is not to be written to"

def test_flip_is_a_share_and_cutout_a_square():
    x = pictures(400, 3)
    mirrored = (Augment(flip=.25)(x)-x.flip(-1)).abs().amax((1, 2, 3))<1e-5
    assert .17<mirrored.float().mean()<.33
    changed = (Augment(cutout=.25)(x)!=x)[:, 0]
    assert set(changed.sum((1, 2)).tolist())<={48, 49} and (changed.any(1).sum(1)<=7).all() and (changed.any(2).sum(1)<=7).all()

@pytest.mark.parametrize("bad", [dict(rotate=-1), dict(rotate=181), dict(zoom=1), dict(shift=1.1), dict(flip=2), dict(light=-.1), dict(noise=float("nan")), dict(cutout=1.5)])
def test_strengths_that_mean_nothing(bad):
    with pytest.raises(ValueError, match=f"{next(iter(bad))} is .*expected 0"): Augment(**bad)

def test_what_it_refuses():
    with pytest.raises(TypeError, match="unknown change shear: expected rotate, zoom"): Augment(shear=3)
    with pytest.raises(ValueError, match="expected 'border' or 'black'"): Augment(fill="white")
    aug = Augment(rotate=10)
    with pytest.raises(ValueError, match="divide by 255"): aug(pictures()*255)
    with pytest.raises(ValueError, match="divide by 255"): aug((pictures()*255).byte())
    with pytest.raises(ValueError, match=r"expected a tensor \(n, channels"): aug(pictures()[:, 0])
    with pytest.raises(ValueError, match="expected squares"): aug(torch.rand(2, 1, 28, 30))
    with pytest.raises(ValueError, match="expected 0 to 1"): aug(pictures()*2-1)
    assert aug(torch.rand(0, 1, 28, 28)).shape==(0, 1, 28, 28) and aug(torch.rand(2, 3, 40, 40)).shape==(2, 3, 40, 40)

def test_validation_is_never_changed():
    "`fit` changes what it learns from, not what it is judged by"
    y = torch.arange(24).repeat(4)
    x = (pictures(96, 1)*255).byte()[:, 0]
    seen = []
    class Watch(LogisticRegression):
        def forward(self, xb):
            seen.append((self.training, float(xb.std())))
            return super().forward(xb)
    fit(Watch(784, 24), Batches(x, y, 32), Batches(x, y, 32), 1, .1, tfm=lambda xb: xb*0, progress=False)
    assert all((s==0)==training for training, s in seen) and {t for t, _ in seen}=={True, False}
