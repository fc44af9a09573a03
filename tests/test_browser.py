"The reader's page in headless Chromium: the same answers as Python, from files and from a camera; words; what goes wrong"
import base64, importlib.util, io, json, os, shutil, subprocess, threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
import numpy as np, pytest
from PIL import Image
from conftest import ROOT
from asl_course.core import *
from asl_course.app import Speller, slider_square
from asl_course.joints import *
from asl_course.predict import *

NPM = ROOT/".ci"/"node_modules"
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
missing = [what for what, there in (("Chromium", CHROMIUM), ("node", shutil.which("node")), ("playwright-core (npm install in .ci)", (NPM/"playwright-core").exists()), ("onnxruntime-web (npm install in .ci)", (NPM/"onnxruntime-web").exists())) if not there]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"no {', '.join(missing)} here; CI installs them by name")
PHOTOS = sorted((ROOT/"nbs"/"photos").glob("*.png"))

class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args): pass

@pytest.fixture(scope="module")
def page(tmp_path_factory):
    "The page as `make docs` puts it together, served from localhost"
    spec = importlib.util.spec_from_file_location("docs", ROOT/".ci"/"docs.py"); docs = importlib.util.module_from_spec(spec); spec.loader.exec_module(docs)
    d = tmp_path_factory.mktemp("site"); docs.reader_page(d/"reader")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(d)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/reader/index.html"
    server.shutdown()

def drive(page, *checks, **task):
    res = subprocess.run(["node", str(ROOT/"tests"/"browser.mjs")], input=json.dumps(dict(url=page, npm=str(NPM), chromium=CHROMIUM, checks=checks, **task)), capture_output=True, text=True, timeout=240)
    assert res.returncode==0, res.stderr[-2000:]
    o = json.loads(res.stdout)
    for c in checks: assert not (isinstance(o[c], dict) and "failed" in o[c]), o[c]["failed"]
    return o

@pytest.fixture(scope="module")
def reads(): return Predictor(plain=True)

def same(got, want, tol=1e-4):
    "Does a reading in the browser equal one in Python?"
    assert np.array_equal(np.array(got["picture"]).reshape(28, 28), want.picture), "the same 28x28 picture"
    assert got["letter"]==want.letter and got["sure"].startswith("not sure")!=want.sure
    assert [l for l, _ in got["top"]]==[l for l, _ in want.top()] and np.allclose([p for _, p in got["top"]], [p for _, p in want.top()], atol=tol)

def test_the_page_loads_what_it_needs_when_it_is_asked(page):
    o = drive(page, "loads"); r = o["loads"]
    assert not o["errors"] and r["letter"] in LETTERS and r["title"]=="Letter reader"
    assert {u.rsplit("/", 1)[1] for u in r["before"]}=={"index.html", "page.css", "page.js", "reader.js", "hand.js", "teach.js", "old.js"}, "neither the models nor what runs them"
    assert any(u.endswith("squares.onnx") for u in r["after"]) and any(u.endswith(".wasm") for u in r["after"])
    assert all(u.startswith((page.rsplit("/", 1)[0], "data:", "blob:")) for u in r["after"]), "nothing is asked of another place"

def test_a_file_gives_pythons_letter(page, reads, tmp_path):
    ims = [Image.open(p).convert("RGB") for p in PHOTOS]
    turned = ims[3].resize((300, 300)).transpose(Image.Transpose.ROTATE_90); exif = turned.getexif(); exif[274] = 6
    wide = Image.new("RGB", (517, 203), (200, 30, 90)); wide.paste(ims[5].resize((203, 203)), (157, 0))
    clear = ims[7].convert("RGBA"); clear.putalpha(Image.fromarray(np.tile(np.where(np.arange(160)<80, 255, 0).astype(np.uint8), (160, 1))))
    small = ims[9].convert("L").resize((28, 28)); low = ims[11].resize((20, 15)); large = ims[13].resize((1501, 999))
    made = dict(turned=(turned, dict(exif=exif)), wide=(wide, {}), clear=(clear, {}), small=(small, {}), low=(low, {}), large=(large, {}), grey=(ims[15].convert("L"), {}), palette=(ims[17].quantize(32), {}))
    for k, (im, kw) in made.items(): im.save(tmp_path/f"{k}.png", **kw)
    frames = [np.asarray(o.convert("L").resize((56, 56))) for o in ims[:3]]
    Image.fromarray(frames[0]).save(tmp_path/"moving.gif", save_all=True, append_images=[Image.fromarray(o) for o in frames[1:]])
    files = [*map(str, PHOTOS), *(str(tmp_path/f"{k}.png") for k in made), str(tmp_path/"moving.gif")]
    o = drive(page, "files", files=files)
    assert not o["errors"]
    for f in files[:-1]: same(o["files"][f], reads(f)); assert o["files"][f]["message"]=="", "no complaint"
    with pytest.warns(UserWarning, match="3 frames: reading the first"): same(o["files"][files[-1]], reads(files[-1]))
    assert o["files"][files[-1]]["message"]=="moving.gif moves: reading its first frame."

def test_a_jpeg_gives_nearly_the_same(page, reads, tmp_path):
    im = Image.open(PHOTOS[4]).convert("RGB").resize((400, 300)); exif = im.getexif(); exif[274] = 8
    f = tmp_path/"phone.jpg"; im.transpose(Image.Transpose.ROTATE_270).save(f, quality=92, exif=exif)
    got, want = drive(page, "files", files=[str(f)])["files"][str(f)], reads(f)
    assert np.abs(np.array(got["picture"]).reshape(28, 28).astype(int)-want.picture).max()<=3, "decoders of JPEG differ by a grey level or two"
    assert got["letter"]==want.letter or not want.sure

def test_the_square_and_the_mirror(page, reads, tmp_path):
    wide = Image.new("RGB", (400, 240), (150, 150, 150)); wide.paste(Image.open(PHOTOS[2]).convert("RGB").resize((200, 200)), (180, 20)); f = tmp_path/"wide.png"; wide.save(f)
    squares = [dict(x=90, y=50, size=50, mirror=False), dict(x=90, y=50, size=50, mirror=True), dict(x=0, y=100, size=30, mirror=False), dict(x=50, y=50, size=100, mirror=False)]
    got = drive(page, "square", files=[str(f)], squares=squares)["square"]
    for s, g in zip(squares, got): same(g, reads(f, slider_square((400, 240), 100-s["x"] if s["mirror"] else s["x"], s["y"], s["size"]), s["mirror"])) # the slider goes with what is shown

def test_python_and_browser_agree_on_500_pictures(page, reads):
    from asl_course.data import load_letters
    from asl_course.data import scores_of
    letters = load_letters()
    x = letters.x_test[np.random.default_rng(0).permutation(len(letters.x_test))[:500]]
    got = np.array(drive(page, "parity", rows=base64.b64encode(x.tobytes()).decode())["parity"]).reshape(-1, 24)
    model, about = load_model(shipped_file(".safetensors"))
    onnx, net = reads.probs(x), (scores_of(model, x)/about.temperature).softmax(1).numpy()
    for p in (onnx, net): assert len(got)==500 and np.abs(got-p).max()<1e-4 and (got.argmax(1)==p.argmax(1)).all()

def test_the_browsers_speller_is_pythons(page):
    rng = np.random.default_rng(1)
    sights = [[None if o=="-" else str(o), round(i/15, 4)] for i, o in enumerate(np.repeat(rng.choice(list("AB-C"), 60), rng.integers(1, 30, 60)))]
    word = Speller(.8); added = [word.see(*o) for o in sights]
    word.space(); word.space(); word.add("X"); word.add("Y"); word.delete()
    got = drive(page, "speller", sights=sights, hold=.8)["speller"]
    assert got==dict(added=added, text=word.text) and len(word.text)>10

def test_a_word_is_spelt_by_keyboard(page, reads):
    r = drive(page, "keyboard", files=[str(PHOTOS[0])])
    k, l = r["keyboard"], reads(PHOTOS[0]).letter
    assert not r["errors"] and k["early"].startswith("No letter yet")
    assert k["word"]==f"{l} {l}" and k["after"]==f"{l} {l}JZ" and k["said"]==f"Z added. The word: {l} space {l} J Z"
    assert {"camera", "file", "example", "plain", "mirror", "whole", "word", "add", "space", "delete", "clear", "copy", "J", "Z", "teach", "import", "aim", "go"}<=set(k["focus"]), "everything is reached with Tab"
    assert k["named"]==[], "everything has a name for screen readers"

def test_what_is_refused_says_why(page, tmp_path):
    from test_predict import huge_png
    f = io.BytesIO(); Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200), dtype=np.uint8)).save(f, "PNG")
    data = {"notes.png": b"hello", "empty.png": b"", "cut.png": f.getvalue()[:40], "huge.png": huge_png()}
    g = io.BytesIO(); Image.new("L", (1, 1)).save(g, "PNG"); data["dot.png"] = g.getvalue()
    for k, v in data.items(): (tmp_path/k).write_bytes(v)
    b = {os.path.basename(k): v for k, v in drive(page, "bad", files=[str(tmp_path/k) for k in data])["bad"].items()}
    assert "not a picture that this browser can read" in b["notes.png"] and "not a picture that this browser can read" in b["cut.png"] and b["empty.png"]=="empty.png is empty (0 bytes)."
    assert b["huge.png"].startswith("huge.png has 40,000x40,000 pixels: more than 150,000,000 are not decoded") and b["dot.png"]=="dot.png has 1x1 pixels: expected at least 14x14."
    assert "not a file" in b["drop"] and b["dropped"].startswith("notes.txt is not a picture")
    assert "was refused" in b["NotAllowedError"] and "No camera was found" in b["NotFoundError"] and "another program" in b["NotReadableError"]

@pytest.mark.parametrize("size", ["", "200%"])
def test_it_fits_a_phone(page, size):
    p = drive(page, "phone", files=[str(PHOTOS[1])], size=size)["phone"]
    assert p["wide"]<=390 and p["small"]==0, p

def test_a_lost_connection_can_be_tried_again(page):
    r = drive(page, "again")["again"]
    assert r["lost"]=="The model could not be loaded: the connection was lost. Try again." and r["letter"] in LETTERS

def test_camera_file_and_keys_do_not_get_into_each_others_way(page, tmp_path):
    with open(tmp_path/"film.mjpeg", "wb") as f:
        for _ in range(30): Image.open(PHOTOS[1]).convert("RGB").resize((480, 480)).save(f, "JPEG", quality=90)
    o = drive(page, "states", video=str(tmp_path/"film.mjpeg")); r = o["states"]
    assert not o["errors"] and r["asked"]==0 and r["example"].startswith("Example: a drawn hand, the letter"), "no camera light once another picture was asked for"
    assert len(r["word"])==2 and r["word"][1]==" " and r["button"]=="Stop the camera", "Enter adds a letter, and does not press the button again"
    a, b = (np.array(r[k]["picture"]).reshape(28, 28) for k in ("stopped", "mirrored"))
    assert r["rate"]=="" and a.std()>5 and np.array_equal(a, b[:, ::-1]) and r["view"]>110 and r["held"]==0, "the last frame stays"

def test_a_camera_gives_letters_and_a_held_letter_is_written(page, reads, tmp_path):
    "A fake camera shows two letters in turn, two seconds each"
    sure = [p for p in PHOTOS if reads(p).sure and reads(p).letter==p.stem][:2]
    assert len(sure)==2
    with open(tmp_path/"film.mjpeg", "wb") as f:
        for _ in range(4):
            for p in sure:
                im = Image.new("RGB", (640, 480), (140, 120, 110)); im.paste(Image.open(p).convert("RGB").resize((480, 480)), (80, 0))
                for _ in range(60): im.save(f, "JPEG", quality=90)
    o = drive(page, "camera", video=str(tmp_path/"film.mjpeg"), seconds=7, plain=True); c = o["camera"]
    assert not o["errors"] and {p.stem for p in sure}<=set(c["letters"]) and set(c["word"])=={p.stem for p in sure} and "".join(dict.fromkeys(c["word"]))==c["word"][:2]
    assert not c["message"] and c["rate"]>1 and c["button"]=="Stop the camera" and c["off"]=="The camera is off."

# -- hands that are found; on photographs where they lie beside the data, and rendered hands else

WHY = hands_missing()
detector = pytest.mark.skipif(WHY is not None, reason=f"{WHY}; CI runs this where the detector's file lies beside the data")

def photographs(n, step=1):
    "Photographs in which a hand is found"
    folder = find_photos()
    if folder is None: return PHOTOS[:n]
    return sorted((folder/"photos").glob("*.jpg"))[::step][:n]

@detector
def test_photographs_are_read_as_python_reads_them(page):
    "Joints within 2 pixels for nearly all: Python's and the page's MediaPipe shrink a picture differently; letters alike"
    files, hands = photographs(200, 2) if os.environ.get("ASL_NIGHTLY") else photographs(57, 8), HandReader() # all 200 nightly
    got, want = drive(page, "photographs", files=list(map(str, files)))["photographs"], [find_hand(f) for f in files]
    both = [(f, g, w) for f, g, w in zip(files, got, want) if g and w]
    assert len(both)>=.95*sum(w is not None for w in want)
    off = np.array([np.abs(np.array(g["joints"])[:, :2]-w.joints[:, :2]).max() for _, g, w in both])
    assert np.median(off)<2 and np.mean(off<4)>.9, np.sort(off)[-12:]
    side = np.array([np.sign(g["handed"])==np.sign(w.handed) for _, g, w in both])
    read = [(LETTERS[int(np.argmax(g["probs"]))], hands.read(f, w)) for f, g, w in both]
    alike = np.mean([a==b.letter for a, b in read])
    assert side.mean()>.95 and alike>.95, (side.mean(), alike)

@detector
def test_the_same_joints_and_squares_give_the_same_probabilities(page):
    from asl_course.hands import rendered_people
    p, hands = rendered_people(48, 4), HandReader()
    got = drive(page, "looks", joints=p.landmarks.tolist(), handed=p.handed.tolist(), squares=base64.b64encode(p.crop.tobytes()).decode())["looks"]
    assert np.abs(np.array(got["probs"]).reshape(48, 24)-hands.look(p.landmarks, p.handed, p.crop)).max()<1e-4
    assert np.allclose(np.array(got["features"]).reshape(48, -1), hands.features(p.landmarks, p.handed, p.crop), atol=1e-3)
    assert np.allclose(got["squares"], [joints_square(o) for o in p.landmarks], atol=1e-3)

def test_what_was_taught_is_read_alike_here_and_in_python(page, tmp_path):
    from asl_course.hands import rendered_people
    p, hands = rendered_people(72, 4), HandReader()
    features, probs, mine = hands.features(p.landmarks, p.handed, p.crop), hands.look(p.landmarks, p.handed, p.crop), TaughtHand(hands.version)
    for i in range(30): mine.add(LETTERS[p.letter[i]], p.landmarks[i], p.handed[i], features[i])
    text = mine.save(tmp_path/"mine.json").read_text()
    views = [dict(joints=p.landmarks[i].tolist(), handed=float(p.handed[i]), features=features[i].tolist(), probs=probs[i].tolist()) for i in range(30, 72)]
    got = drive(page, "taught", text=text, views=views)["taught"]
    part = p.part(slice(30, 72))
    assert np.abs(np.array(got["read"])-mine.read(probs[30:], part.landmarks, part.handed, features[30:])).max()<1e-4
    assert np.abs(np.array(got["by_joints"])-mine.read(probs[30:], part.landmarks, part.handed)).max()<1e-4 and got["old"]
    (tmp_path/"again.json").write_text(got["again"])
    again = TaughtHand.load(tmp_path/"again.json", hands.version)
    assert len(again)==got["count"]==30 and np.allclose(again.read(probs[30:], part.landmarks, part.handed, features[30:]), got["read"], atol=1e-4), "and back again"
    e = got["errors"]
    assert "damaged" in e["cut"] and "not made by" in e["other"] and "format 9" in e["format"] and 'teaches "J"' in e["letter"]

def test_a_covered_camera_is_noticed(page, tmp_path):
    with open(tmp_path/"dark.mjpeg", "wb") as f:
        for _ in range(60): Image.new("RGB", (640, 480), (9, 8, 8)).save(f, "JPEG")
    o = drive(page, "camera", video=str(tmp_path/"dark.mjpeg"), seconds=4, plain=True)
    assert not o["errors"] and "is the camera covered" in o["camera"]["message"]

def film(path, files, each=60):
    with open(path, "wb") as f:
        for o in files:
            im = Image.new("RGB", (640, 480), (140, 120, 110)); im.paste(Image.open(o).convert("RGB").resize((480, 480)), (80, 0))
            for _ in range(each): im.save(f, "JPEG", quality=90)
    return str(path)

def well_read(n):
    "Photographs that are read surely and rightly, of as many letters"
    if find_photos() is None: pytest.skip("no photographs of asl_letters beside the data: MediaPipe follows no rendered hand; CI runs this where they are")
    hands, found = Predictor(), {}
    for f in photographs(456):
        if f.stem[0] not in found and (p := hands(f)).sure and p.letter==f.stem[0]: found[f.stem[0]] = f
        if len(found)==n: return [*found.values()]

@detector
def test_a_hand_before_the_camera_is_found_and_read(page, tmp_path):
    files = well_read(2)
    o = drive(page, "camera", video=film(tmp_path/"film.mjpeg", files*4), seconds=7); c = o["camera"]
    assert not o["errors"] and {f.stem[0] for f in files}<=set(c["letters"]) and "".join(dict.fromkeys(c["word"]))[:2] in ("".join(f.stem[0] for f in files), "".join(f.stem[0] for f in files[::-1]))
    assert c["rate"]>3 and c["hosts"]==[page.split("/")[2]], "nothing but this site"

@detector
def test_a_hand_is_taught_and_practised(page, tmp_path):
    [file] = [f for f in well_read(1)]
    r = (o := drive(page, "lesson", video=film(tmp_path/"film.mjpeg", [file]), letter=file.stem[0]))["lesson"]
    assert not o["errors"] and "3 pictures of 1 letter are taught" in r["taught"] and "Each left out in turn, the page reads 3 of these 3" in r["taught"] and r["word"]==""
    assert r["asked"]=="This lies nearer to what you taught as A. Is it your B?"
    assert list(r["kept"]["taught"])==["A"] and r["file"]==r["kept"] and len(r["kept"]["taught"]["A"])==3 and r["next"]=="C"
    assert "cannot read a movement" in r["moving"] and r["practice"].endswith("done.") and r["missed"].startswith(file.stem[0])
    assert "3 pictures" in r["again"], "kept in this browser"
    assert "Nothing is taught" in r["forgotten"] and r["left"] is None and "Not opened" in r["bad"] and "3 pictures" in r["imported"]

def test_what_a_browser_lacks_is_said_or_done_without(page):
    r = drive(page, "lacking", files=[str(PHOTOS[0])])["lacking"]
    assert "runs no WebAssembly" in r["wasm"]["message"] and "too old" in r["bitmap"]["message"]
    for k in ("storage", "offscreen", "options", "paste"): assert r[k]["letter"] in LETTERS, (k, r[k])

def test_pictures_of_every_orientation(page, reads, tmp_path):
    im, files = Image.open(PHOTOS[10]).convert("RGB").resize((300, 240)), []
    for k in range(1, 9):
        for kind in ("jpg", "webp", "png"):
            turned = im if k==1 else im.transpose({2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[k])
            exif = turned.getexif(); exif[274] = k; f = tmp_path/f"{k}.{kind}"
            turned.save(f, exif=exif, **(dict(lossless=True) if kind=="webp" else dict(quality=95) if kind=="jpg" else {})); files.append(str(f))
    got = drive(page, "files", files=files)["files"]
    want = np.array(got[files[2]]["picture"], int)
    for f in files: assert np.abs(np.array(got[f]["picture"], int)-want).max()<=6 and got[f]["letter"]==reads(f).letter, f

def test_axe_finds_nothing_serious(page):
    if not (NPM/"axe-core").exists(): pytest.skip("no axe-core here; CI installs it by name")
    for k, found in drive(page, "axe", files=[str(PHOTOS[0])])["axe"].items(): assert not [o for o in found if o.startswith(("serious", "critical"))], (k, found)
