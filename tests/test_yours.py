"Few pictures of one hand, folders of photographs, a small body, and a sealed project"
import numpy as np, pytest, torch
from PIL import Image
from asl_course.core import LETTERS
from asl_course.hands import judge_hands, read_found, rendered_hands, train_hands
from asl_course.joints import TaughtHand, standard_joints
from asl_course.synth import POSES
from asl_course.yours import *

@pytest.fixture(scope="module")
def signers(): return rendered_bursts(range(32, 34), each=5, seed=3)

@pytest.fixture(scope="module")
def probs(signers): return read_found(train_hands([rendered_hands(1920, 1, range(32), styles=0.)], seed=1, steps=150), signers).numpy()

def test_a_burst_is_one_pose_shaken(signers):
    "Pictures of a burst lie near each other, those of other letters and signers far"
    flat, pair = standard_joints(signers.landmarks, signers.handed), np.char.add(signers.person, signers.letter.astype(str))
    apart = ((flat[:, None]-flat[None])**2).mean(2); same = pair[:, None]==pair[None]
    assert len(signers)==2*24*5 and apart[same].mean()<.2*apart[~same].mean()
    assert np.array_equal(rendered_bursts(range(32, 34), each=5, seed=3).landmarks, signers.landmarks) and not np.array_equal(rendered_bursts(range(32, 34), each=5, seed=4).landmarks, signers.landmarks)

def test_pictures_are_counted_within_their_burst(signers):
    from dataclasses import replace
    assert [numbers_in_burst(signers)[k] for k in range(12)]==[0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    found = signers.found.copy(); found[[0, 3]] = False
    assert numbers_in_burst(replace(signers, found=found))[:6].tolist()==[-1, 0, 1, -1, 2, 0], "what was not found is no picture"

def test_later_pictures_alone_are_read(signers, probs, monkeypatch):
    rows, said = read_taught(signers, probs, 2)
    assert set(numbers_in_burst(signers)[rows])=={3, 4} and said.shape==(len(rows), 24)
    told = []
    monkeypatch.setattr(TaughtHand, "add", lambda self, letter, *rest: told.append(letter))
    read_taught(signers, probs, 2); assert len(told)==2*24*2, "two pictures a letter of each signer"
    assert np.array_equal(read_taught(signers, probs, 0)[1], probs[read_taught(signers, probs, 0)[0]]), "nothing taught, nothing changed"

def test_teaching_helps(signers, probs):
    acc = {k: judge_taught(signers, probs, k)["acc"] for k in (0, 1, 3)}
    assert acc[1]>acc[0]+.05 and acc[3]>=acc[1]-.03 and acc[3]>.85, acc

def test_nobody_is_taught_by_another(signers, probs):
    "Another person's pictures change nothing"
    from dataclasses import replace
    half = np.flatnonzero(signers.person=="s32"); one = signers.part(half)
    assert judge_taught(signers, probs, 1)["people"]["s32"]==judge_taught(one, probs[half], 1)["people"]["s32"]

def test_hands_in_folders(tmp_path):
    poses = {o: POSES[o] for o in "AB"}
    assert write_hands(tmp_path/"h", poses, each=2, signers=(1, 5), size=32)==8
    files = sorted(p.relative_to(tmp_path/"h").as_posix() for p in (tmp_path/"h").rglob("*.jpg"))
    assert files==[f"{o}/s{s:02}-{k:02}.jpg" for o in "AB" for s in (1, 5) for k in range(2)]
    a, b = (np.asarray(Image.open(tmp_path/"h"/"A"/f"s01-0{k}.jpg"), float) for k in range(2))
    assert a.shape==(32, 32, 3) and np.abs(a-b).mean()>3 and np.ptp(a.mean((0, 1)))>0
    with pytest.raises(FileExistsError, match="is not empty"): write_hands(tmp_path/"h", poses)

def test_photographs_are_kept_under_the_next_free_number(tmp_path):
    im = Image.new("RGBA", (40, 30), (200, 10, 10, 255))
    assert [keep_photo(im, tmp_path, "A").name for _ in range(2)]==["001.jpg", "002.jpg"]
    (tmp_path/"A"/"001.jpg").unlink(); (tmp_path/"A"/"notes.jpg").write_text("x")
    assert keep_photo(im, tmp_path, "A").name=="003.jpg", "nothing is written over"

def test_the_panel_says_where_no_camera_is(tmp_path, monkeypatch):
    import io, asl_course.yours as Y
    monkeypatch.setattr(Y, "_snap", lambda: "no camera was found on the computer that runs this")
    panel = photo_panel(tmp_path, "AB"); letter, (take, files), shown, said = panel.children[0], panel.children[1].children, panel.children[2], panel.children[3]
    assert take.disabled and said.value=="no camera was found on the computer that runs this: use files."
    f = io.BytesIO(); Image.new("RGB", (60, 40), (9, 90, 200)).save(f, "PNG")
    letter.value = "B"; files.value = ({"name": "x.png", "type": "image/png", "size": 1, "content": memoryview(f.getvalue()), "last_modified": __import__("datetime").datetime.now()},)
    assert (tmp_path/"B"/"001.jpg").exists() and "1 of B" in said.value
    monkeypatch.setattr(Y, "_snap", lambda: np.zeros((40, 60, 3), np.uint8))
    panel = photo_panel(tmp_path, "AB"); panel.children[1].children[0].click()
    assert (tmp_path/"A"/"001.jpg").exists()

def test_the_body_is_cut_by_fastai_and_knows_hands():
    from fastai.vision.learner import create_vision_model
    net = create_vision_model(hand_body, 5, pretrained=True)
    x = torch.rand(2, 3, 96, 96)
    assert net.eval()(x).shape==(2, 5)
    mine, fresh = hand_body(), hand_body(False)
    assert torch.equal(net[0][0][0][0].weight, mine[0][0][0].weight) and not torch.equal(fresh[0][0][0].weight, mine[0][0][0].weight)
    assert body_file().stat().st_size<2_000_000

def test_the_seal(tmp_path):
    n = write_sealed(tmp_path/"s"); names = sorted(p.name for p in (tmp_path/"s").iterdir())
    assert n==len(names)==50 and names[0]=="000.jpg"
    from asl_course.yours import _sealed_order
    right = dict(zip(names, _sealed_order(DIGITS)[1]))
    assert judge_sealed(right, .98).startswith("100.0% of 50") and "an honest number" in judge_sealed(right, .98)
    fives = dict.fromkeys(names, "5")
    assert judge_sealed(fives, .1).startswith("10.0%") and "which is more: was the split" in judge_sealed(fives, .9) and "which is less" in judge_sealed(right, .5)
    with pytest.raises(ValueError, match="1 of 50 pictures were not read, such as 007.jpg"): judge_sealed({k: v for k, v in right.items() if k!="007.jpg"}, .5)
    with pytest.raises(ValueError, match="the label '12' does not exist"): judge_sealed(right|{"003.jpg": 12}, .5)
    with pytest.raises(ValueError, match="a share"): judge_sealed(right, 98)

def test_sealed_labels_are_those_of_the_pictures(tmp_path):
    "The picture under a name is the drawn hand of its label"
    write_sealed(tmp_path/"s", {"A": POSES["A"], "B": POSES["B"]})
    from asl_course.yours import _SEALED, _sealed_order
    write_hands(tmp_path/"all", {"A": POSES["A"], "B": POSES["B"]}, **_SEALED)
    want = {p.read_bytes(): p.parent.name for p in (tmp_path/"all").rglob("*.jpg")}
    for k, label in enumerate(_sealed_order({"A": 0, "B": 0})[1]): assert want[(tmp_path/"s"/f"{k:03}.jpg").read_bytes()]==label
