"Who stands behind each row: the table, how it is read, and how it was found."
import json, shutil
import numpy as np, pytest, torch
from PIL import Image
from conftest import ROOT
from asl_course.core import LETTERS, Letters
from asl_course.files import *
from asl_course.files import _people_file
from asl_course.photographs import *
from asl_course.photographs import FRAMES, MOST_ROWS
from asl_course.synth import photo_variants

@pytest.fixture(scope="module")
def table(): return read_people()

def test_the_table_holds_numbers_about_each_row_and_no_picture(table):
    n = 27455+7172
    assert all(len(a)==n for a in table.values()) and set(table)=={"key", "photo", "margin"}
    size = np.bincount(table["photo"])
    assert len(size)==7*PER_PERSON and size.min()>0 and size.max()==MOST_ROWS
    assert not set(table["photo"][:27455]) & set(table["photo"][27455:]), "a photograph lies in one file"
    assert len(np.unique(table["key"]))==n, "no two pictures have one fingerprint"
    assert _people_file().stat().st_size<9*n, "eight bytes a row: 784 grey values do not fit"

def test_the_published_files_are_known(table):
    if find_real() is None: pytest.skip("the real files are not here; CI runs this where they are")
    letters = read_letters(find_real()[1])
    if list(letters.sha256.values())!=list(CSV_SHA256.values()): pytest.skip("these are other files")
    assert set(letters.person)==set(letters.person_test)==set(range(1, 8))
    photo, person, margin = people_of(letters.x[::-7])
    assert (photo==letters.photo[::-7]).all() and (person==letters.person[::-7]).all() and (margin>=0).all()
    for p in np.unique(letters.photo)[::50]: assert len(set(letters.y[letters.photo==p]))==1
    assert (letters.photo%PER_PERSON//FRAMES==letters.y).all(), "a photograph's number says its letter too"
    some = letters.part(slice(50), slice(20))
    assert (some.photo==letters.photo[:50]).all() and (some.person_test==letters.person_test[:20]).all()

def test_shortened_and_relabelled_files_are_known_by_their_pictures(tmp_path):
    if find_real() is None: pytest.skip("the real files are not here; CI runs this where they are")
    letters = read_letters(find_real()[1])
    rows = np.concatenate([np.flatnonzero(letters.y==c)[:2] for c in range(24)])[::-1]
    write_letters_csv(letters.x[rows], (letters.y[rows]+1)%24, tmp_path/TRAIN_CSV)
    write_letters_csv(letters._x_test[:30], letters._y_test[:30], tmp_path/TEST_CSV)
    few = read_letters(tmp_path)
    assert (few.photo==letters.photo[rows]).all() and (few.person_test==letters.person_test[:30]).all()
    x = letters.x[rows].copy(); x[5, 3, 3] ^= 1
    write_letters_csv(x, letters.y[rows], tmp_path/TRAIN_CSV)
    other = read_letters(tmp_path)
    assert other.photo is None and other.person is None and other.person_test is None, "one unknown picture, nothing is said"

def test_fingerprints(small):
    x, _ = small
    keys = picture_keys(x)
    assert keys.dtype==np.uint64 and (keys<2**40).all() and (picture_keys(x[3:])==keys[3:]).all()
    assert people_of(x) is None and people_of(x[:0]) is None
    with pytest.raises(ValueError, match="expected uint8"): picture_keys(x.astype(float))

@pytest.mark.parametrize("spoil,match", [
    (dict(key=None), "has no array 'key'"), (dict(photo=np.zeros(5, np.int16)), "'key' is uint8 of shape"),
    (dict(margin=np.zeros(34627, np.float32)), "'margin' is float32"), (dict(sha256='["a", "b"]'), "was made for files with sha256 a"), (dict(sha256="[]"), "sha256 nothing")])
def test_a_table_that_does_not_fit_is_refused(tmp_path, spoil, match):
    from safetensors.numpy import load_file, save
    arrays, meta = load_file(_people_file()), dict(sha256=json.dumps(list(CSV_SHA256.values())))
    for k, v in spoil.items():
        if k=="sha256": meta[k] = v
        elif v is None: arrays.pop(k)
        else: arrays[k] = v
    (tmp_path/"t.safetensors").write_bytes(save(arrays, metadata=meta))
    with pytest.raises(DataError, match=match): read_people(tmp_path/"t.safetensors")

def test_a_damaged_or_missing_table_is_named(tmp_path):
    with pytest.raises(DataError, match="no table of people"): read_people(tmp_path/"none.safetensors")
    (tmp_path/"cut.safetensors").write_bytes(_people_file().read_bytes()[:500])
    with pytest.raises(DataError, match="cut.safetensors is damaged"): read_people(tmp_path/"cut.safetensors")

@pytest.fixture(scope="module")
def rows():
    "Rows of a rendered person, and the photographs they were made from"
    photos = drawn_bursts([5], 3)
    true = torch.arange(len(photos)).repeat_interleave(9).numpy()
    return photos, photo_variants(photos[true], torch.Generator().manual_seed(1)).numpy(), true

def small_ones(photos): return (torch.nn.functional.interpolate(photos[:, None], size=28, mode="area")[:, 0]*255).round().byte()

def test_the_photograph_behind_a_row_is_found(rows):
    photos, x, true = rows
    photo, match = match_photographs(x, small_ones(photos))
    assert (photo//FRAMES==true//FRAMES).mean()>.99 and (photo==true).mean()>.9 and np.median(match)>.95
    file = (np.arange(len(photos))%5==0).astype(int)[true]
    settled, margin = settle_bursts(x, photo, file)
    assert (settled==true).mean()>=(photo==true).mean() and (settled==true)[margin>.02].mean()>.98
    for p in np.unique(settled): assert len(set(file[settled==p]))==1, "a photograph lies in one file"

def test_two_photographs_under_one_number_are_parted(rows):
    "As with the first two frames of person 1's A: 41 rows matched one file, none the other"
    photos, _, _ = rows
    true = np.repeat(np.arange(FRAMES), 21)
    x = photo_variants(photos[true], torch.Generator().manual_seed(2)).numpy()
    said = np.where(true==0, 1, true)
    settled, _ = settle_bursts(x, said, np.zeros(len(x), int))
    assert np.bincount(settled).max()<=MOST_ROWS and len(np.unique(settled))==FRAMES
    a, b = (np.bincount(true[settled==k]).argmax() for k in (0, 1))
    assert {a, b}=={0, 1} and min((true[settled==k]==t).mean() for k, t in ((0, a), (1, b)))>.9

def test_a_folder_of_photographs_is_read_strictly(tmp_path, rows):
    photos, _, _ = rows
    with pytest.raises(DataError, match="holds no folder user_1"): read_bursts(tmp_path)
    d = tmp_path/"user_3"; d.mkdir()
    with pytest.raises(DataError, match="has no file .*_loc.csv"): read_bursts(tmp_path)
    lines = ["image,top_left_x,top_left_y,bottom_right_x,bottom_right_y"]
    for k, o in enumerate(photos):
        name = f"{LETTERS[k//FRAMES]}{k%FRAMES}.jpg"
        wall = Image.new("RGB", (120, 100), (90, 120, 160)); wall.paste(Image.fromarray((o*255).byte().numpy()).convert("RGB").resize((64, 64)), (20, 10)); wall.save(d/name, quality=95)
        lines.append(f"user_3/{name},20,10,84,74")
    (d/"user_3_loc.csv").write_text("\n".join(lines))
    cut = read_bursts(tmp_path)
    assert cut.shape==(240, 28, 28) and cut.dtype==np.uint8
    near, match = match_photographs(cut, small_ones(photos))
    assert (near//FRAMES==np.arange(240)//FRAMES).all() and (match>.97).all()
    (d/"K4.jpg").unlink()
    with pytest.raises(DataError, match="user_3 lacks K4.jpg, 1 of 240"): read_bursts(tmp_path)
    (d/"user_3_loc.csv").write_text("image,x\nA0.jpg,3")
    with pytest.raises(DataError, match="has the columns image, x"): read_bursts(tmp_path)

def test_the_table_is_made_and_read_again(tmp_path, rows, monkeypatch):
    from asl_course import photographs
    photos, x, true = rows
    monkeypatch.setattr(photographs, "read_bursts", lambda folder: small_ones(photos).numpy())
    n = 2000
    letters = Letters(x[:n], true[:n]//FRAMES, x[n:], true[n:]//FRAMES, "real", sha256=dict(zip(("train", "test"), CSV_SHA256.values())))
    photo, match, margin = people_from("a folder", letters, tmp_path/"p.safetensors")
    table = read_people(tmp_path/"p.safetensors")
    assert (table["photo"]==photo).all() and np.abs(table["margin"]-margin.clip(0, .255)).max()<.0006 and (table["key"]==picture_keys(x)).all()
    again = people_of(x[::-1], table)
    assert (again[0]==photo[::-1]).all() and set(again[1])=={1}
