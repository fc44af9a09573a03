"Finding hands, files of joints, and readers of joints"
import io, json, os, re, subprocess, sys, threading
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
import numpy as np, pytest, torch
from conftest import ROOT
from asl_course import joints as J
from asl_course.core import LETTERS
from asl_course.files import DataError
from dataclasses import replace
from PIL import Image
from asl_course.hands import *
from asl_course.opinions import *
from asl_course.hands import FusedReader, _drawn_squares, _flipped
from asl_course.joints import *
from asl_course.predict import Predictor, find_photos, hand_picture
from asl_course.synth import *

WHY = hands_missing()
detector = pytest.mark.skipif(WHY is not None, reason=f"{WHY}; CI runs this where the detector's file lies beside the data")

@pytest.fixture(scope="module")
def people(): return rendered_people(96, 3)

@pytest.fixture(scope="module")
def reader(): return train_hands([rendered_hands(1920, 1)], seed=1, steps=150)

@pytest.fixture(scope="module")
def file(reader, tmp_path_factory):
    notes = dict(recipe="hands.joints", settings={}, threshold=.6, record={})
    return save_hand_reader(reader, tmp_path_factory.mktemp("hands")/"hands.onnx", notes)

# -- joints of rendered hands

def test_joints_lie_where_the_hand_is_drawn():
    "Each joint lies on the hand: brighter than a black wall, and the tips at the ends"
    poses = torch.stack([POSES[o] for o in "BLVY"])
    white, black = [[1.]]*3, [[0.]]*4
    x, _ = draw_hands(poses, 96, skin=torch.tensor([white]*4), wall=torch.tensor([black]*4), ambient=torch.ones(4))
    *cones, part = hand_cones(poses)
    from asl_course.synth import _bounds, _framed, _STUDIO
    mid, half = _framed(*_bounds(cones, part), torch.zeros(4, 2), torch.full((4,), _STUDIO["zoom"]))
    points = turned_to_viewer(joint_places(poses), poses[:, 21:24])[..., :2]
    at = ((points-(mid*torch.tensor([1., -1.]))[:, None])/half[:, None, None]*48+48).round().long()
    for im, p in zip(x[:, 0], at): assert (im[p[1:, 1], p[1:, 0]]>.2).all()

def test_photographs_with_joints_are_the_photographs():
    "The same draws as `hand_photographs`, and a left hand has mirrored joints"
    letter, who = torch.arange(6), torch.arange(6)
    g = lambda: torch.Generator().manual_seed(4)
    x, points = photographs_with_joints(letter, who, g(), size=32, vary=.45)
    assert torch.equal(x, hand_photographs(letter, who, g(), 32, .45))
    y, mirrored = photographs_with_joints(letter, who, g(), size=32, vary=.45, left=torch.ones(6, dtype=torch.bool))
    assert torch.equal(y, x.flip(-1)) and torch.allclose(mirrored[..., 0], 32-points[..., 0]) and torch.equal(mirrored[..., 1:], points[..., 1:])

def test_styles_change_only_what_they_are_asked_to():
    letter, who = torch.arange(240)%24, torch.zeros(240, dtype=torch.long)
    g = lambda: torch.Generator().manual_seed(4)
    a, b = hand_photographs(letter, who, g(), 16, 0.), hand_photographs(letter, who, g(), 16, 0., styles=0.)
    assert torch.equal(a, b)
    from asl_course.synth import _styled
    table = torch.stack([POSES[o] for o in LETTERS])[letter]
    changed = (_styled(letter, g(), .5)!=table).any(1)
    has = torch.tensor([bool(STYLES.get(LETTERS[k])) for k in letter])
    assert not changed[~has].any() and .35<changed[has].float().mean()<.65
    for k, v in STYLES.items(): # inside the limits of a hand
        for o in v: assert torch.equal(clamp_pose(o), o), k

# -- features and readers

def test_features_forget_place_and_size_and_keep_direction(people):
    joints = torch.tensor(people.landmarks)
    f = JointFeatures()
    assert torch.allclose(f(joints), f(3*joints+100), atol=1e-3)
    quarter = joints[..., [1, 0, 2]]*torch.tensor([1., -1., 1.])
    assert (f(joints)-f(quarter)).abs().mean()>.1

def test_mirrored_hands_read_alike(reader, people):
    p = read_either(reader, people.landmarks, people.handed)
    m = read_either(reader, people.landmarks*[-1, 1, 1], -people.handed)
    assert torch.allclose(p, m, atol=1e-4)
    assert (p.argmax(1).numpy()==people.letter).mean()>.8

def test_the_detectors_word_decides_between_two_readings():
    class Sides(torch.nn.Module):
        def forward(self, joints): # x above 0: A with .55; else B with .6
            right = (joints[:, 0, 0]>0)[:, None]
            a, b = torch.zeros(len(joints), 24), torch.zeros(len(joints), 24)
            a[:, 0], b[:, 1] = 3.34, 3.54
            return torch.where(right, a, b)
    joints = np.ones((3, 21, 2), np.float32)
    said = read_either(Sides(), joints, [1., -1., 0.]).argmax(1).tolist()
    assert said==[0, 1, 1]

def test_a_file_reads_as_the_network(file, reader, people):
    reads = HandReader(file)
    want = read_either(reader, people.landmarks, people.handed).numpy()
    assert np.abs(reads.probs(people.landmarks, (64, 64), people.handed)-want).max()<1e-4
    one = reads.probs(people.landmarks[5], handed=people.handed[5])
    assert one.shape==(1, 24) and np.abs(one-want[5]).max()<1e-4
    assert reads.probs(np.zeros((0, 21, 3))).shape==(0, 24)
    assert file.stat().st_size<500_000

def test_reading_joints_needs_no_torch(file):
    code = ("import sys, numpy as np; from asl_course.joints import HandReader; "
            f"HandReader({str(file)!r}).probs(np.random.rand(4, 21, 3)*100); print([m for m in ('torch', 'fastai', 'pandas', 'mediapipe') if m in sys.modules])")
    res = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert res.stdout.strip()=="[]", res.stderr

@pytest.mark.parametrize("joints, says", [
    (np.full((2, 21, 3), np.nan), "joints of 2 of 2 hands are not finite"),
    (np.zeros((5, 20, 3)), r"joints of shape \(5, 20, 3\)"),
    (np.zeros((21, 4)), r"joints of shape \(21, 4\)"),
    (np.random.default_rng(0).random((1, 21, 3)), "fractions"),
    ("joints", "could not convert")])
def test_bad_joints_are_refused(file, joints, says):
    with pytest.raises(ValueError, match=says): HandReader(file).probs(joints, (480, 640))

def test_bad_files_of_hands_are_refused(file, tmp_path):
    import onnx
    with pytest.raises(FileNotFoundError, match="none.onnx"): HandReader(tmp_path/"none.onnx")
    (tmp_path/"cut.onnx").write_bytes(file.read_bytes()[:3000])
    with pytest.raises(ValueError, match="cut.onnx is damaged"): HandReader(tmp_path/"cut.onnx")
    def changed(**new):
        m = onnx.load(str(file)); notes = json.loads(m.metadata_props[0].value)|new
        m.metadata_props[0].value = json.dumps({k: v for k, v in notes.items() if v is not None})
        onnx.save(m, str(tmp_path/"m.onnx")); return tmp_path/"m.onnx"
    for new, says in ((dict(letters="ABC"), "reads the letters"), (dict(format=9), "update asl_course"), (dict(threshold=None), "does not say its threshold")):
        with pytest.raises(ValueError, match=says): HandReader(changed(**new))
    from asl_course.predict import shipped_file
    with pytest.raises(ValueError, match="takes pictures: expected a file that takes joints handed"): HandReader(shipped_file())
    with pytest.raises(ValueError, match="expected a file that takes joints handed squares"): HandReader(file, squares=file)

# -- poses, and two readers

def test_fitted_poses_put_joints_where_they_were():
    made, y = rendered_hands(96, 5, styles=.8)
    found = fit_poses(made, y, torch.zeros_like(y), 150)
    seen = turned_to_viewer(joint_places(found["angles"], found["bones"]), torch.zeros(96, 3))
    off = (centred((seen+found["shape"])@found["turn"].mT)-centred(made)).pow(2).sum(-1).sqrt()
    assert off.median()<.1
    assert torch.equal(clamp_pose(found["angles"]), found["angles"]), "within the limits of a hand"
    R = found["turn"]; assert torch.allclose(R@R.mT, torch.eye(3).expand_as(R), atol=1e-3) and (torch.det(R)>0).all(), "turns, no mirrors"

def test_the_table_of_poses_comes_with_the_library():
    poses = fitted_poses()
    assert sorted(set(poses["letter"].tolist()))==list(range(24)) and poses["angles"].shape[1]==26
    assert poses_file().stat().st_size<30_000

def test_weights_trust_the_better_reader():
    g = np.random.default_rng(0); y = g.integers(0, 24, 600)
    def opinion(right):
        p = g.dirichlet(np.full(24, .5), 600); hit = g.random(600)<right
        p[hit, y[hit]] += 1.5
        return p/p.sum(1, keepdims=True)
    good, poor = opinion(.9), opinion(.3)
    a, b = fuse_weights(good, poor, y)
    assert a>b>=0
    both, _ = cross_fuse(good, poor, y, np.arange(600)%3)
    assert (both.argmax(1).numpy()==y).mean()>=(good.argmax(1)==y).mean()-.01
    assert torch.allclose(both.sum(1), torch.ones(600), atol=1e-4)

def test_people_count_once(people):
    "Somebody with many pictures counts no more than somebody with few"
    few = people.part(np.r_[0:48]); few.person = np.array(["a"]*40+["b"]*8)
    p = np.eye(24)[few.letter]; p[:40] = np.roll(p[:40], 1, 1)
    assert judge_hands(p, few)["acc"]==.5 and judge_hands(p, few)["worst"]["acc"]==0

# -- files of joints

def rows(n=4, **changed):
    made = dict(letter=np.array(list("ALVY")[:n]), person=np.array(["p01", "p02"]*2)[:n], checked=np.ones(n, bool), landmarks=np.ones((n, 21, 3), np.float32),
                world=np.zeros((n, 21, 3), np.float32), handed=np.ones(n, np.float32), size=np.full((n, 2), 480), found=np.ones(n, bool), crop=np.zeros((n, 64, 64), np.uint8))
    return made|changed

@pytest.mark.parametrize("changed, says", [
    (dict(letter=np.array(list("AJVY"))), "letters J"), (dict(landmarks=np.zeros((4, 21, 2), np.float32)), r"landmarks has shape \(4, 21, 2\)"),
    (dict(landmarks=np.full((4, 21, 3), np.nan, np.float32)), "4 hands were found and have no joints"), (dict(crop=np.zeros((4, 64, 64))), "crop is of float64"),
    (dict(found=np.ones(3, bool)), "found has shape")])
def test_odd_files_of_joints_are_refused(tmp_path, changed, says):
    np.savez(tmp_path/"j.npz", **rows(**changed))
    with pytest.raises(DataError, match=says): read_joints(tmp_path/"j.npz")

def test_damaged_files_of_joints_are_refused(tmp_path):
    np.savez(tmp_path/"j.npz", **rows()); whole = (tmp_path/"j.npz").read_bytes()
    assert read_joints(tmp_path/"j.npz").letter.tolist()==[LETTERS.index(o) for o in "ALVY"]
    (tmp_path/"cut.npz").write_bytes(whole[:len(whole)//2])
    with pytest.raises(DataError, match="cut.npz is damaged"): read_joints(tmp_path/"cut.npz")
    (tmp_path/"text.npz").write_text("no joints")
    with pytest.raises(DataError, match="text.npz is damaged"): read_joints(tmp_path/"text.npz")
    np.savez(tmp_path/"o.npz", **rows(person=np.array([{}]*4, dtype=object)))
    with pytest.raises(DataError, match="o.npz is damaged"): read_joints(tmp_path/"o.npz")
    with pytest.raises(DataError, match="no file"): read_joints(tmp_path/"none.npz")
    part = rows(); part.pop("crop"); np.savez(tmp_path/"p.npz", **part)
    with pytest.raises(DataError, match="no crop"): read_joints(tmp_path/"p.npz")

@pytest.fixture()
def photos(tmp_path):
    from PIL import Image
    for k, o in enumerate(("A", "A", "L", "Y")):
        d = tmp_path/"anna"/o; d.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((40, 60, 3), 40*k+20, np.uint8)).save(d/f"{k}.png")
    return tmp_path

def test_a_folder_is_measured_and_continued(photos, monkeypatch):
    "A stopped call goes on where it stopped, and a photograph without a hand is kept and told"
    looked, hand = [], Hand(np.arange(63, dtype=np.float32).reshape(21, 3), np.zeros((21, 3), np.float32), -.9, (40, 60))
    def find(photo):
        looked.append(int(np.asarray(photo)[0, 0, 0]))
        if len(looked)==3: raise KeyboardInterrupt
        return None if looked[-1]==20 else hand
    monkeypatch.setattr(J, "find_hand", find); monkeypatch.setattr(J, "hands_missing", lambda: None)
    with pytest.raises(KeyboardInterrupt): measure_photos(photos, photos/"j.npz", every=1)
    assert not (photos/"j.npz").exists()
    found, lost = measure_photos(photos, photos/"j.npz")
    assert looked==[20, 60, 100, 100, 140] and [p.name for p in lost]==["0.png"]
    assert found.person.tolist()==["anna"]*4 and [LETTERS[k] for k in found.letter]==["A", "A", "L", "Y"] and found.handed[1]<0 and not found.checked.any()
    assert not list(photos.glob("*.part*")) and found.crop[3].max()==140

def test_folders_of_another_form_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(J, "hands_missing", lambda: None)
    (tmp_path/"pictures").mkdir()
    with pytest.raises(DataError, match="no photographs that are sorted by letter"): measure_photos(tmp_path, tmp_path/"j.npz")
    with pytest.raises(DataError, match="no folder"): measure_photos(tmp_path/"none", tmp_path/"j.npz")
    with pytest.raises(DataError, match="a name in .npz"): measure_photos(tmp_path, tmp_path/"j.csv")

# -- the detector's file

@pytest.fixture()
def server():
    "A site that serves some bytes, whole or from a place on"
    class Site(BaseHTTPRequestHandler):
        data, asked = b"", []
        def do_GET(self):
            begin = int((self.headers.get("Range") or "bytes=0-").split("=")[1].strip("-")); self.asked.append(begin)
            self.send_response(206 if begin else 200); self.send_header("Content-Length", len(self.data)-begin); self.end_headers(); self.wfile.write(self.data[begin:])
        def log_message(self, *args): pass
    http = HTTPServer(("127.0.0.1", 0), Site); Site.asked = []
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield Site, f"http://127.0.0.1:{http.server_port}/hand.task"
    http.shutdown()

def test_the_detectors_file_is_fetched_continued_and_checked(server, tmp_path, monkeypatch):
    import hashlib
    site, url = server; site.data = bytes(range(256))*400
    monkeypatch.setattr(J, "HAND_MODEL_SHA256", hashlib.sha256(site.data).hexdigest())
    (tmp_path/f".{J.HAND_MODEL}.part").write_bytes(site.data[:5000]) # an earlier call was stopped
    file = fetch_hand_model(tmp_path, url)
    assert file.read_bytes()==site.data and site.asked==[5000] and list(tmp_path.iterdir())==[file]
    site.data = b"another file"
    with pytest.raises(DataError, match="another file: 12 bytes.*Nothing was kept"): fetch_hand_model(tmp_path/"b", url)
    assert not list((tmp_path/"b").iterdir())
    with pytest.raises(DataError, match="the next call goes on.*By hand"): fetch_hand_model(tmp_path/"c", "http://127.0.0.1:9/none")

def test_a_detector_that_is_missing_is_named(tmp_path, monkeypatch):
    J._detector.cache_clear()
    monkeypatch.setattr(J, "find_hand_model", lambda: None)
    monkeypatch.setattr(J, "find_spec", lambda name: None if name=="mediapipe" else True)
    assert 'pip install "asl_course[hands]"' in hands_missing()
    monkeypatch.setattr(J, "find_spec", lambda name: True)
    assert "asl_data --hands" in hands_missing()
    with pytest.raises(HandsMissing, match="asl_data --hands"): find_hand(np.zeros((40, 40, 3), np.uint8))
    (tmp_path/"hand.task").write_bytes(b"torn"); monkeypatch.setattr(J, "find_hand_model", lambda: tmp_path/"hand.task")
    with pytest.raises(HandsMissing, match="damaged, or not the file"): find_hand(np.zeros((40, 40, 3), np.uint8))
    J._detector.cache_clear()

# -- finding hands in photographs

@detector
def test_hands_are_found_and_read():
    folder = find_photos()
    if folder is None: pytest.skip("the photographs are not here; CI runs this where they are")
    files = sorted((folder/"photos").glob("[BLVY]_*.jpg"))[::6]
    hands = [find_hand(f) for f in files]
    assert sum(o is not None for o in hands)>=.9*len(files)
    for o in filter(None, hands):
        h, w = o.size; left, top, side = o.square
        assert o.joints.shape==(21, 3) and o.side in ("right", "left") and .5<=abs(o.handed)<=1
        assert -.2*w<left and left+side<1.2*w and 20<side<2*max(h, w)

@detector
def test_a_mirrored_photograph_shows_the_other_hand():
    folder = find_photos()
    if folder is None: pytest.skip("the photographs are not here; CI runs this where they are")
    from PIL import Image, ImageOps
    f = sorted((folder/"photos").glob("L_*.jpg"))[2]
    a, b = find_hand(f), find_hand(ImageOps.mirror(Image.open(f)))
    assert a.side!=b.side and np.abs(a.joints[:, 0]+b.joints[:, 0]-a.size[1]).mean()<.05*a.size[1]

@detector
@pytest.mark.parametrize("what", ["wall", "noise", "digit", "tiny"])
def test_where_there_is_no_hand_none_is_found(what):
    from sklearn.datasets import load_digits
    g = np.random.default_rng(0)
    pictures = dict(wall=np.full((240, 320, 3), 180, np.uint8), noise=g.integers(0, 256, (240, 240, 3), dtype=np.uint8),
                    digit=np.kron(load_digits().images[3]*16, np.ones((20, 20))).clip(0, 255).astype(np.uint8), tiny=np.full((20, 20, 3), 90, np.uint8))
    assert find_hand(pictures[what]) is None

def test_without_a_detector_the_middle_is_read_and_said(file, monkeypatch):
    monkeypatch.setattr(J, "find_hand_model", lambda: None); J._detector.cache_clear()
    reads = Predictor(hands=HandReader(file))
    photo = ROOT/"nbs"/"photos"/"L.png"
    with pytest.warns(UserWarning, match="the middle of the picture is read: looking for hands takes"): p = reads(photo)
    assert p.letter is not None and p.joints is None
    J._detector.cache_clear()

@pytest.fixture(scope="module")
def fused(): return train_fused([_drawn_squares(240, 1)], (1.,), 1, 40, bs=48)

@pytest.fixture(scope="module")
def both(file, fused):
    "A `HandReader` of two files"
    notes = dict(recipe="hands.fused", settings={}, threshold=.1, record={})
    return HandReader(file, squares=save_hand_reader(fused, file.parent/"squares.onnx", notes))

def test_a_network_sees_joints_and_pixels(fused, people):
    "Each of the two moves its answer; a mirror does not; learning lowers the loss"
    few = people.part(slice(0, 24))
    p, other = read_squares(fused, few), replace(few, crop=few.crop[::-1])
    assert (p-read_squares(fused, other)).abs().max()>1e-3 and (p-read_squares(fused, replace(few, landmarks=few.landmarks[::-1]))).abs().max()>1e-3
    assert torch.allclose(p, read_squares(fused, _flipped(few)), atol=1e-4)
    joints, x, y = _drawn_squares(240, 1)
    with torch.no_grad(): right = (fused(joints, x[:, None].float()/255).argmax(1)==y).float().mean()
    assert right>.2, "24 letters, forty steps"
    assert torch.equal(train_fused([(joints, x, y)], (1.,), 7, 2, bs=24).head[4].bias, train_fused([(joints, x, y)], (1.,), 7, 2, bs=24).head[4].bias)

def test_one_of_the_two_is_hidden_in_training_never_both(fused):
    m = FusedReader(forget=.3); seen = []
    m.head[0].register_forward_hook(lambda _, i, o: seen.append(i[0]))
    joints, x, y = _drawn_squares(240, 1)
    m.train()(joints, x[:, None].float()/255)
    pixels, at = (seen[0][:, :192]==0).all(1), (seen[0][:, 192:]==0).all(1)
    assert .15<pixels.float().mean()<.45 and .15<at.float().mean()<.45 and not (pixels&at).any()

def test_a_file_of_squares_reads_as_the_network(both, fused, people):
    few = people.part(slice(0, 30))
    assert np.abs(both.look(few.landmarks, few.handed, few.crop)-read_squares(fused, few).numpy()).max()<1e-4
    assert np.abs(both.look(few.landmarks[:1], few.handed[:1], few.crop[:1])-both.look(few.landmarks, few.handed, few.crop)[:1]).max()<1e-5
    with pytest.raises(ValueError, match=r"expected uint8 of shape \(30, 64, 64\)"): both.look(few.landmarks, few.handed, few.crop[:, :28])
    with pytest.raises(ValueError, match="reads joints alone"): HandReader(both.path).look(few.landmarks, few.handed, few.crop)

def test_a_photograph_is_read_by_joints_and_pixels(both, monkeypatch):
    "Pictures of 28x28 and crops go to the reader of pixels alone"
    import asl_course.predict as P
    x, points = photographs_with_joints(torch.tensor([LETTERS.index("L")]), torch.tensor([40]), torch.Generator().manual_seed(1), size=160)
    hand = Hand(points[0].numpy(), points[0].numpy()/1000, .9, (160, 160))
    monkeypatch.setattr(P, "find_hand", lambda photo: hand)
    reads, photo = Predictor(hands=both), (x[0].numpy()*255).astype(np.uint8)
    p, square = reads(photo), square_of(Image.fromarray(photo), *hand.square)
    want = both.look(hand.joints, .9, square[None])[0]
    assert np.abs(p.probs-want).max()<1e-6 and p.hand=="right" and p.joints.shape==(21, 3) and p.picture.shape==(28, 28)
    assert p.sure==(want.max()>=.1)
    assert "the larger of 2" in repr(both.read(photo, replace(hand, others=1))) and "larger" not in repr(p)
    assert not both.read(photo, replace(hand, certainty=.1)).sure, "what was found with doubt is never sure"
    assert np.abs(HandReader(both.path).read(photo, hand).probs-both.probs(hand.joints, handed=.9)[0]).max()<1e-6, "without squares by joints alone"
    assert reads(photo, crop=(0, 0, 160, 160)).joints is None and reads(np.zeros((28, 28), np.uint8)).joints is None and reads(np.zeros(784, np.uint8)).joints is None
    assert Predictor(hands=both, plain=True)(photo).joints is None
    monkeypatch.setattr(P, "find_hand", lambda photo: None)
    p = reads(photo)
    assert p.letter is None and not p.sure and "no hand" in repr(p)

# -- one hand, taught

def taught_by(both, people, rows):
    mine = TaughtHand(both.version)
    for i in rows: mine.add(LETTERS[people.letter[i]], people.landmarks[i], people.handed[i], both.features(people.landmarks[[i]], people.handed[[i]], people.crop[[i]])[0])
    return mine

def test_what_was_taught_is_read(both, people):
    "A hand that was taught is read rightly whatever the reader says, by joints and by features; others count as far"
    rows = range(24)
    mine, part = taught_by(both, people, rows), people.part(slice(0, 24))
    flat = np.full((24, 24), 1/24, np.float32)
    features = both.features(part.landmarks, part.handed, part.crop)
    for f in (None, features):
        p = mine.read(flat, part.landmarks, part.handed, f)
        assert (p.argmax(1)==part.letter).all() and np.allclose(p.sum(1), 1, atol=1e-5) and p.dtype==np.float32
    left_out = np.stack([mine.read(flat[[k]], part.landmarks[[k]], part.handed[[k]], features[[k]], without=k)[0] for k in rows])
    own = range(24), part.letter
    assert (left_out[own]<p[own]).all(), "a picture that is left out does not speak for its letter"
    assert np.array_equal(TaughtHand().read(flat, part.landmarks, part.handed), flat), "nothing taught, nothing changed"
    far = mine.far(part.landmarks*3+50, part.handed)
    assert np.allclose(far, mine.far(part.landmarks, part.handed)), "place and size do not matter"
    assert np.allclose(mine.far(part.landmarks*[-1, 1, 1], -part.handed), mine.far(part.landmarks, part.handed)), "nor which hand it is"

def test_what_is_half_taught_leaves_other_letters_alone(people):
    "Letters that nobody taught are read as before where the hand is like nothing that was taught"
    rows = [i for i in range(96) if people.letter[i] not in (0, 10)]
    mine = TaughtHand()
    for i in range(24):
        if people.letter[i] in (0, 10): mine.add(LETTERS[people.letter[i]], people.landmarks[i], people.handed[i])
    part = people.part(np.array(rows)); probs = np.full((len(rows), 24), .4/23, np.float32); probs[range(len(rows)), part.letter] = .6
    p = mine.read(probs, part.landmarks, part.handed)
    assert (p.argmax(1)==part.letter).mean()>.97, "two of 24 letters are taught: the others are still read"

def test_a_taught_hand_in_a_file(both, people, tmp_path):
    mine, part = taught_by(both, people, range(30)), people.part(slice(30, 60))
    path = mine.save(tmp_path/"mine.json")
    reads = HandReader(both.path, squares=both.squares_path, mine=path)
    features, plain = both.features(part.landmarks, part.handed, part.crop), both.look(part.landmarks, part.handed, part.crop)
    assert np.allclose(reads.look(part.landmarks, part.handed, part.crop), mine.read(plain, part.landmarks, part.handed, features), atol=1e-5)
    assert np.allclose(reads.probs(part.landmarks, handed=part.handed), mine.read(both.probs(part.landmarks, handed=part.handed), part.landmarks, part.handed), atol=1e-5)
    old = TaughtHand.load(path, "another")
    assert len(old)==30 and all(o["features"] is None for o in old.kept), "what another reader saw means nothing; joints do"

@pytest.mark.parametrize("change,says", [
    (lambda d: d.update(what="x"), "is no file of a taught hand"), (lambda d: d.update(format=9), "has format 9"), (lambda d: d.update(taught=[]), "is no file of a taught hand"),
    (lambda d: d["taught"].update(J=[]), "teaches 'J'"), (lambda d: d["taught"]["A"][0].update(joints=[1, 2]), "joints of A are not 42 numbers"), (lambda d: d["taught"]["A"][0].update(joints=[float("nan")]*42), "joints of A are not 42")])
def test_a_bad_file_of_a_taught_hand(change, says, people, tmp_path):
    mine = TaughtHand()
    for i in range(24): mine.add(LETTERS[people.letter[i]], people.landmarks[i], people.handed[i])
    d = json.loads(mine.save(tmp_path/"m.json").read_text()); change(d)
    (tmp_path/"m.json").write_text(json.dumps(d))
    with pytest.raises(ValueError, match=says): TaughtHand.load(tmp_path/"m.json")

def test_what_cannot_be_taught(people, tmp_path):
    with pytest.raises(ValueError, match="no letter 'J'"): TaughtHand().add("J", people.landmarks[0], 1)
    with pytest.raises(ValueError, match="joints of shape"): TaughtHand().add("A", people.landmarks[0][:4], 1)
    (tmp_path/"m.json").write_text("{")
    with pytest.raises(ValueError, match="m.json is damaged"): TaughtHand.load(tmp_path/"m.json")
    with pytest.raises(FileNotFoundError): TaughtHand.load(tmp_path/"none.json")

def test_a_left_hand_is_mirrored_before_it_is_read():
    photo = np.zeros((100, 100), np.uint8); photo[:, :50] = 200
    points = np.array([[20., 20, 0], [80, 80, 0]]+[[50, 50, 0]]*19, np.float32)
    right, left = (hand_picture(photo, Hand(points, points, s, (100, 100))) for s in (.9, -.9))
    assert right[14, 3]>150 and right[14, 24]<50 and (left==right[:, ::-1]).all()

def test_make_hand_reader_writes_both_files_and_what_they_are(tmp_path, monkeypatch, people):
    "Trained on what was found, with the figures and thresholds of those who were left out"
    import asl_course.hands as H
    monkeypatch.setattr(H, "other_people", lambda scale: (people, False))
    read = dict(acc=.5, median=dict(acc=.6), worst=dict(acc=.1), people={}, letters={})
    judged = [dict(read=read, threshold=t, answered=dict(acc=.9), sure=dict(acc=.95)) for t in (.31, .47)]
    paths, notes = make_hand_reader(tmp_path/"made", seed=3, scale="smoke", judged=judged)
    assert [p.name for p in paths]==["hands.onnx", "squares.onnx"] and notes["recipe"]=="hands.fused"
    reads = HandReader(paths[0], squares=paths[1])
    assert (reads.about["threshold"], reads.about_squares["threshold"])==(.31, .47) and reads.about["recipe"]=="hands.joints"
    assert reads.about_squares["record"]["on_people"]["worst"]["acc"]==.1 and reads.about["record"]["people"]==len(np.unique(people.person))
    right = (reads.probs(people.landmarks, handed=people.handed).argmax(1)==people.letter).mean()
    assert right>.5, "sixty steps on these very hands"
    assert reads.look(people.landmarks, people.handed, people.crop).shape==(96, 24)

def test_either_recipe_of_hands_leaves_people_out(monkeypatch, people):
    "Whoever is read was not in training, by joints and by squares alike"
    import asl_course.hands as H
    monkeypatch.setattr(H, "other_people", lambda scale: (people, False))
    seen, read = [], []
    def model(joints): seen.append({o.tobytes() for o in joints[..., :2].numpy()})
    def none(model, hands):
        read.append({o.tobytes() for o in measured_hands(hands)[0][..., :2].numpy()})
        return torch.full((len(hands), 24), 1/24)
    monkeypatch.setattr(H, "train_hands", lambda parts, *args: model(parts[1][0]))
    monkeypatch.setattr(H, "train_fused", lambda parts, *args: model(parts[1][0]))
    monkeypatch.setattr(H, "code_identity", lambda fn: "")
    monkeypatch.setattr(H, "read_found", none); monkeypatch.setattr(H, "read_squares", none)
    for recipe in (H._by_joints, H._by_one_network):
        seen.clear(); read.clear()
        recipe(None, 1, "cpu", "smoke")
        assert len(seen)==2 and len(read)==4, "two folds, each read as it is and in a mirror"
        for k in range(2): assert not seen[k]&read[2*k] and len(seen[k])+len(read[2*k])==96
