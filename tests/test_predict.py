"Model files, photographs, the reader and its commands: what they give, and what they refuse"
import io, json, os, subprocess, sys, warnings
from dataclasses import replace
import numpy as np, pytest, torch
from PIL import Image
from conftest import devices
from asl_course.core import *
from asl_course.records import *
from asl_course.cnn import CNN
from asl_course.files import open_photo
from asl_course.predict import *

ABOUT = About(LETTERS, (28, 28), "shipped.reader", {"frac": .2}, 1.3, .6, {"test": 1.})

@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0); m = CNN(24).train()
    with torch.no_grad(): m(torch.rand(64, 1, 28, 28)) # statistics for batch norm
    return m.eval()

@pytest.fixture(scope="module")
def files(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {s: save_model(model, folder/f"reader{s}", ABOUT) for s in (".safetensors", ".onnx")}

@pytest.fixture(scope="module")
def reads(files): return Predictor(files[".onnx"], threads=1)

@pytest.fixture(scope="module")
def pictures():
    from asl_course.synth import synth_letters
    return synth_letters(480, 240, 3).x

# -- model files

def test_both_files_say_the_same_and_are_small(files, reads, model):
    loaded, about = load_model(files[".safetensors"])
    assert about==reads.about==replace(ABOUT, version=about.version) and about.version
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), loaded.state_dict().values())) and not loaded.training
    assert all(p.stat().st_size<500_000 for p in files.values())
    assert b"/" not in open(files[".onnx"], "rb").read().split(b"asl_course")[0][-200:], "no paths of the exporter"

def test_torch_and_onnx_agree(files, reads, model, pictures):
    with torch.no_grad(): want = (model(torch.as_tensor(pictures)[:, None]/255)/1.3).softmax(1).numpy()
    got = reads.probs(pictures)
    assert np.abs(got-want).max()<1e-4 and (got.argmax(1)==want.argmax(1)).all() and np.abs(got.sum(1)-1).max()<1e-5
    assert np.allclose(reads.probs(pictures[:5], bs=2), got[:5], atol=1e-6) and reads.probs(pictures[:0]).shape==(0, 24)

def test_saving_leaves_the_model_as_it_was(model, tmp_path):
    model.train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    save_model(model, tmp_path/"a.onnx", ABOUT)
    assert model.training and all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    model.eval()
    with pytest.raises(ValueError, match="reader.pt: expected a name that ends with .safetensors or .onnx"): save_model(model, tmp_path/"reader.pt", ABOUT)

def test_nothing_is_left_when_a_file_cannot_be_written(model, tmp_path, monkeypatch):
    (tmp_path/"r.onnx").write_bytes(b"old")
    monkeypatch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"): save_model(model, tmp_path/"r.onnx", ABOUT)
    assert [p.name for p in tmp_path.iterdir()]==["r.onnx"] and (tmp_path/"r.onnx").read_bytes()==b"old"

@pytest.mark.parametrize("change, says", [(dict(letters="ABC"), "reads the letters 'ABC'"), (dict(format=99), "format 99, this library reads up to 1: update")])
def test_files_of_others_are_refused(model, tmp_path, monkeypatch, change, says):
    import asl_course.predict as p
    if "format" in change: monkeypatch.setattr(p, "MODEL_FORMAT", 99)
    for s in (".safetensors", ".onnx"): save_model(model, tmp_path/f"r{s}", replace(ABOUT, **{k: v for k, v in change.items() if k!="format"}))
    monkeypatch.setattr(p, "MODEL_FORMAT", 1)
    for load, s in ((load_model, ".safetensors"), (Predictor, ".onnx")):
        with pytest.raises(ValueError, match=says): load(tmp_path/f"r{s}")

def test_damaged_files_and_pickles_are_named(files, tmp_path):
    for s, load in ((".safetensors", load_model), (".onnx", Predictor)):
        data = files[s].read_bytes()
        (tmp_path/f"cut{s}").write_bytes(data[:len(data)//2])
        with pytest.raises(ValueError, match=rf"cut\{s} is damaged"): load(tmp_path/f"cut{s}")
        with pytest.raises(FileNotFoundError, match="no file"): load(tmp_path/f"none{s}")
        with pytest.raises(ValueError, match=r"m.pth is a pickle, which can run any code"): load(tmp_path/"m.pth")
    from safetensors.torch import save_file
    save_file({"a": torch.zeros(1)}, tmp_path/"bare.safetensors")
    with pytest.raises(ValueError, match="bare.safetensors does not say what it is"): load_model(tmp_path/"bare.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path/"other.safetensors", metadata={"asl_course": json.dumps({**ABOUT.__dict__, "version": "1"})})
    with pytest.raises(ValueError, match="other.safetensors holds other weights"): load_model(tmp_path/"other.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path/"torn.safetensors", metadata={"asl_course": "{"})
    with pytest.raises(ValueError, match="torn.safetensors holds damaged metadata"): load_model(tmp_path/"torn.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path/"less.safetensors", metadata={"asl_course": json.dumps({"letters": LETTERS, "format": 1})})
    with pytest.raises(ValueError, match="less.safetensors does not say its size"): load_model(tmp_path/"less.safetensors")
    with pytest.raises(ValueError, match="expected a .onnx file"): Predictor(tmp_path/"bare.safetensors")

# -- photographs

def bytes_of(im, kind="PNG", **kw):
    f = io.BytesIO(); im.save(f, kind, **kw); return f.getvalue()

def test_a_row_as_a_picture_gives_the_same_letter(reads, pictures):
    rows = pictures[::20]
    want = reads.probs(rows)
    for r, p in zip(rows, want):
        small = Image.fromarray(r)
        assert np.array_equal(prepare_photo(bytes_of(small)), r) and np.array_equal(prepare_photo(r.reshape(-1)), r), "28x28 stays as it is"
        big = bytes_of(small.resize((280, 280), Image.Resampling.BICUBIC).convert("RGB"))
        got = reads(big)
        assert got.letter==LETTERS[p.argmax()] or np.sort(p)[-1]-np.sort(p)[-2]<.1
        assert np.abs(got.probs-p).max()<.1

def test_every_kind_of_picture(pictures, tmp_path):
    grey = Image.fromarray(pictures[0]).resize((56, 56)); want = np.asarray(grey).astype(int)
    close = lambda im, tol=2: np.abs(np.asarray(im).astype(int)-want).max()<=tol
    assert close(open_photo(bytes_of(grey.convert("RGB")))) and close(open_photo(bytes_of(grey.convert("RGBA")))) and close(open_photo(bytes_of(grey.convert("LA"))))
    assert close(open_photo(bytes_of(grey.convert("CMYK"), "TIFF")), 3) and close(open_photo(bytes_of(grey.convert("RGB").quantize(256))), 6)
    sixteen = Image.fromarray((np.asarray(grey).astype(np.uint16)*257))
    assert close(open_photo(bytes_of(sixteen))) and close(open_photo(np.asarray(sixteen)))
    assert close(open_photo(np.asarray(grey)/255)) and close(open_photo(np.stack([np.asarray(grey)]*3, -1))) and close(open_photo(np.asarray(grey)[..., None]))
    clear = np.zeros((30, 30, 4), np.uint8); assert (np.asarray(open_photo(Image.fromarray(clear)))==255).all(), "what is transparent is white"
    turned = grey.transpose(Image.Transpose.ROTATE_90); exif = turned.getexif(); exif[274] = 6
    assert close(open_photo(bytes_of(turned, "PNG", exif=exif))), "upright"
    p = tmp_path/"hand.png"; grey.save(p); assert close(open_photo(p)) and close(open_photo(str(p))) and close(open_photo(open(p, "rb")))

def test_what_a_learner_has_at_hand_is_read(reads, pictures):
    import pandas as pd
    from fastai.vision.all import PILImageBW, TensorImage
    one, want = pictures[0], reads(pictures[0])
    t, rows = torch.from_numpy(pictures[:4].copy()), pd.DataFrame(pictures[:4].reshape(4, 784)).assign(label=3)
    for o in (t[0], t[0]/255, TensorImage(t[0]), one.tolist(), one.reshape(-1).tolist(), pd.DataFrame(one), rows.iloc[0], PILImageBW.create(one)):
        got = reads(o); assert got.letter==want.letter and np.abs(got.probs-want.probs).max()<1e-4, type(o)
    for many in (t, t[:, None], t[:, None]/255, list(t), rows, pictures[:4, None], tuple(pictures[:4]), t[:, None].requires_grad_() if t.is_floating_point() else t):
        assert [o.letter for o in reads(many)]==[o.letter for o in reads(pictures[:4])], type(many)
    assert len(reads(t[:1]))==1 and len(reads(t[:3]))==3, "three grey pictures are no picture of three colours"

@pytest.mark.parametrize("wrap", [memoryview, bytearray, io.BytesIO, lambda b: dict(name="hand.png", content=memoryview(b), size=len(b))], ids="memoryview bytearray file upload".split())
def test_bytes_of_any_wrapping(pictures, wrap):
    grey = Image.fromarray(pictures[0]).resize((56, 56)); data = bytes_of(grey)
    assert np.array_equal(open_photo(wrap(data)), open_photo(data))

def test_channels_of_a_tensor_come_first_or_last():
    a = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8); want = np.asarray(open_photo(a, colour=True))
    assert np.array_equal(open_photo(torch.from_numpy(a).permute(2, 0, 1), colour=True), want) and np.array_equal(open_photo(torch.from_numpy(a), colour=True), want)
    assert np.array_equal(open_photo(torch.from_numpy(a[..., :1]).permute(2, 0, 1)), a[..., 0]) and np.array_equal(open_photo(torch.from_numpy(a).bfloat16()[..., 0]/256), np.round(np.asarray(torch.from_numpy(a).bfloat16()[..., 0].float()/256)*255))

@pytest.mark.parametrize("what", [None, 3, object(), {"a": 1}, torch.nn.Linear(1, 1)], ids=lambda o: type(o).__name__)
def test_what_is_nothing_to_look_at_is_named(reads, what):
    with pytest.raises(TypeError, match=f"a {type(what).__name__} is no picture: expected a path"): reads(what)

def test_a_named_picture_is_named_in_its_error(reads, tmp_path):
    (tmp_path/"a.png").write_bytes(b"no picture"); upload = dict(name="b.png", content=b"no picture")
    for o, name in ((tmp_path/"a.png", "a.png"), (open(tmp_path/"a.png", "rb"), "a.png"), (upload, "b.png"), (b"no picture", "the picture")):
        with pytest.raises(ValueError, match=f"^{name} is not a picture"): open_photo(o)
    for o in (upload, [upload]):
        with pytest.raises(ValueError, match="^b.png is not a picture"): reads(o)
    with pytest.raises(IsADirectoryError, match="is a folder: name its files"): open_photo(tmp_path)

@pytest.mark.parametrize("kind", ["one", "frames", "bad"])
def test_no_file_stays_open(pictures, tmp_path, kind):
    im = Image.fromarray(pictures[0]).resize((56, 56)); p = tmp_path/"a.gif"
    im.save(p, save_all=True, append_images=[im.rotate(9)]*2*(kind=="frames"))
    if kind=="bad": p.write_bytes(p.read_bytes()[:300])
    code = f"import warnings, gc; warnings.simplefilter('error', ResourceWarning); warnings.filterwarnings('ignore', 'a.gif has')\nfrom asl_course.files import open_photo\ntry: open_photo({str(p)!r})\nexcept ValueError as e: print(e)\ngc.collect()"
    got = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert got.returncode==0 and "ResourceWarning" not in got.stderr and bool(got.stdout)==(kind=="bad"), got.stderr

def test_a_box_in_parts_of_the_picture_is_told_from_pixels():
    with pytest.raises(ValueError, match="looks like parts of the picture: expected pixels of a picture of 64x48"): square_box((64, 48), (.1, .2, .6, .9))
    assert square_box((64, 48), (0, 0, 2, 2))==(0, 0, 2)

def test_an_animated_picture_is_read_from_its_first_frame(pictures):
    frames = [Image.fromarray(o).resize((56, 56)) for o in pictures[:3]]
    with pytest.warns(UserWarning, match="has 3 frames: reading the first"): got = open_photo(bytes_of(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert np.abs(np.asarray(got).astype(int)-np.asarray(frames[0])).max()<=6

def test_what_is_no_picture(tmp_path):
    grey = Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200), dtype=np.uint8))
    for name, data, says in (("text.png", b"hello", "text.png is not a picture"), ("empty.png", b"", r"empty.png is empty \(0 bytes\)"), ("cut.png", bytes_of(grey)[:2000], "cut.png is cut short"),
                             ("cut.jpg", bytes_of(grey, "JPEG")[:2000], "cut.jpg is cut short"), ("dot.png", bytes_of(grey.resize((1, 1))), "dot.png has 1x1 pixels: expected at least 14x14")):
        (tmp_path/name).write_bytes(data)
        with pytest.raises(ValueError, match=says): open_photo(tmp_path/name)
    with pytest.raises(FileNotFoundError, match="no file"): open_photo(tmp_path/"none.png")
    for a, says in ((np.full((30, 30), np.nan), "900 values of the array are not finite"), (np.full((30, 30), 2.), "floats from 2 to 2: expected 0 to 1"), (np.zeros((5, 30)), "at least 14x14"),
                    (np.zeros((30, 30, 5)), r"shape \(30, 30, 5\)"), (np.full((30, 30), -1), "expected uint8"), (np.zeros(700), "a row of 700 values: expected 784")):
        with pytest.raises(ValueError, match=says): prepare_photo(a)

def huge_png():
    import struct, zlib
    def chunk(kind, data): return struct.pack(">I", len(data))+kind+data+struct.pack(">I", zlib.crc32(kind+data))
    return b"\x89PNG\r\n\x1a\n"+chunk(b"IHDR", struct.pack(">IIBBBBB", 40000, 40000, 8, 0, 0, 0, 0))+chunk(b"IDAT", zlib.compress(b"\0"*1000))+chunk(b"IEND", b"")

def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path):
    (tmp_path/"huge.png").write_bytes(huge_png())
    with pytest.raises(ValueError, match="huge.png is too large|huge.png has 40,000x40,000 pixels"): open_photo(tmp_path/"huge.png")

def test_crop_and_mirror(pictures):
    a = np.full((100, 200), 30, np.uint8); a[20:60, 120:160] = np.kron(pictures[0][:20, :20], np.ones((2, 2), np.uint8))
    got = prepare_photo(a, (120, 20, 160, 60), margin=0)
    alone = np.asarray(Image.fromarray(a[20:60, 120:160]).resize((28, 28), Image.Resampling.BICUBIC))
    assert np.array_equal(got[3:-3, 3:-3], alone[3:-3, 3:-3]), "only at the rim do neighbours count"
    assert np.array_equal(prepare_photo(a, (120, 20, 160, 60), mirror=True, margin=0), got[:, ::-1])
    assert square_box((200, 100))==(50, 0, 100) and square_box((200, 100), (0, 0, 20, 40), .1)==pytest.approx((-14, -4, 48))
    assert prepare_photo(a, (180, 0, 200, 100)).shape==(28, 28), "over the edge: what is there goes on"
    for crop in ((0, 0, 201, 10), (-1, 0, 5, 5), (5, 5, 5, 9), (9, 9, 2, 20)):
        with pytest.raises(ValueError, match="of a picture of 200x100: expected 0 <= left < right <= 200"): prepare_photo(a, crop)

def test_predictions(reads, pictures):
    one = reads(pictures[0]); assert one.letter==LETTERS[one.probs.argmax()] and one.sure==(one.probs.max()>=.6) and np.array_equal(one.picture, pictures[0])
    assert [l for l, _ in one.top(24)]==[LETTERS[i] for i in np.argsort(-one.probs)] and len(one.top())==3
    many = reads(pictures[:4]); assert [o.letter for o in many]==[reads(o).letter for o in pictures[:4]]==[o.letter for o in reads(pictures[:4].reshape(4, 784))]==[o.letter for o in reads([o for o in pictures[:4]])]
    assert reads([])==[]
    level = float(np.median(reads.probs(pictures).max(1))); other = replace(reads.about, threshold=level); kept, reads.about = reads.about, other
    some = reads(pictures); reads.about = kept
    assert [o.sure for o in some]==[bool(o.probs.max()>=level) for o in some] and .4<np.mean([o.sure for o in some])<.6, "sure is what reaches the threshold"
    assert ("not sure" in repr(one))!=one.sure
    for bad in (pictures[:2].astype(float), pictures[0], np.zeros((2, 27, 28), np.uint8)):
        with pytest.raises(ValueError, match=r"expected uint8 of shape \(n, 28, 28\)"): reads.probs(bad)

# -- commands

def command(*args, stdin=None):
    return subprocess.run([os.path.join(os.path.dirname(sys.executable), "asl_predict"), *map(str, args)], input=stdin, capture_output=True, timeout=120)

def test_asl_predict(files, pictures, tmp_path):
    model = ("--model", files[".onnx"])
    for i in range(2): Image.fromarray(pictures[i]).resize((64, 64)).save(tmp_path/f"{i}.png")
    (tmp_path/"bad.png").write_bytes(b"x"); (tmp_path/"empty").mkdir()
    good = command(tmp_path/"0.png", "--json", *model); assert good.returncode==0, good.stderr
    o = json.loads(good.stdout); assert set(o)=={"file", "letter", "sure", "top"} and len(o["top"])==3 and o["top"][0][0]==o["letter"]
    some = command(tmp_path, "--json", "--top", 5, *model); lines = [json.loads(l) for l in some.stdout.splitlines()]
    assert some.returncode==2 and ["error" in l for l in lines]==[False, False, True] and len(lines[0]["top"])==5, "the rest is read"
    table = command(tmp_path, *model); assert table.returncode==2 and len(table.stdout.splitlines())==2 and b"bad.png is not a picture" in table.stderr
    assert json.loads(command("-", "--json", *model, stdin=(tmp_path/"0.png").read_bytes()).stdout)["letter"]==o["letter"]
    (tmp_path/"rows.csv").write_text("label,"+",".join(f"pixel{i}" for i in range(1, 785))+"\n3,"+",".join(map(str, pictures[0].reshape(-1)))+"\n1,2\n")
    rows = command(tmp_path/"rows.csv", "--json", *model); lines = [json.loads(l) for l in rows.stdout.splitlines()]
    assert rows.returncode==2 and lines[0]["file"].endswith("rows.csv:2") and "line 3: found 2 columns" in lines[1]["error"]
    for args, says in (((tmp_path/"empty",), b"holds no pictures"), ((tmp_path/"0.png", "--crop", "1,2"), b"expected four numbers"), ((tmp_path/"0.png", "--top", 99), b"expected 1 to 24"), ((tmp_path/"0.png", "--crop", "0,0,999,9"), b"of a picture of 64x64")):
        r = command(*args, *model); assert r.returncode==2 and says in r.stderr, says
    assert command(tmp_path/"0.png", "--model", tmp_path/"m.pth").returncode==2

def test_a_folder_of_a_phone(files, pictures, tmp_path):
    from pillow_heif import register_heif_opener
    register_heif_opener(); im = Image.fromarray(pictures[0]).resize((64, 64)).convert("RGB"); f = tmp_path/"phone"; f.mkdir()
    for name, kind in (("a.JPG", "JPEG"), ("b.jfif", "JPEG"), ("c.avif", "AVIF"), ("d.HEIC", "HEIF")): (f/name).write_bytes(bytes_of(im, kind))
    for name in ("e.txt", "f.mov", "g.mov", ".DS_Store", "no_suffix"): (f/name).write_bytes(b"x")
    r = command(f, "--json", "--model", files[".onnx"])
    assert r.returncode==0 and [os.path.basename(json.loads(l)["file"]) for l in r.stdout.splitlines()]==["a.JPG", "b.jfif", "c.avif", "d.HEIC"]
    assert r.stderr.decode().splitlines()==[f"{f}: left out 2 .mov, 1 .txt, 1 no suffix"], "what was left out is counted"

def test_without_pillow_heif_a_phone_picture_is_left_out_and_said(monkeypatch, tmp_path, capsys):
    from asl_course import commands, files
    monkeypatch.setattr(files, "_reads_heic", lambda: False); (tmp_path/"d.HEIC").write_bytes(b"x"*20); (tmp_path/"a.png").write_bytes(b"x")
    assert [os.path.basename(n) for n, _ in commands._pictures(str(tmp_path))]==["a.png"] and "left out 1 .heic (pip install pillow-heif)" in capsys.readouterr().err
    with pytest.raises(ValueError, match="d.HEIC is not a picture that can be read here.*pip install pillow-heif"): open_photo(tmp_path/"d.HEIC")

def test_patterns_that_no_shell_expanded(files, pictures, tmp_path):
    for n in ("b.png", "a.png", "c.jpg"): Image.fromarray(pictures[0]).resize((64, 64)).save(tmp_path/n)
    r = command(tmp_path/"*.png", "--json", "--model", files[".onnx"]); assert r.returncode==0 and [os.path.basename(json.loads(l)["file"]) for l in r.stdout.splitlines()]==["a.png", "b.png"]
    r = command(tmp_path/"*.bmp", "--model", files[".onnx"]); assert r.returncode==2 and b"no file matches" in r.stderr
    (tmp_path/"[1].png").write_bytes((tmp_path/"a.png").read_bytes()); r = command(tmp_path/"[1].png", "--model", files[".onnx"]); assert r.returncode==0, "a name that only looks like a pattern"

def test_tables_go_through_the_reader_of_tables(files, pictures, tmp_path):
    import pandas as pd
    d = pd.DataFrame(pictures[:3].reshape(3, 784), columns=[f"pixel{i}" for i in range(1, 785)]); want = None
    for kind, how in (("plain", {}), ("last", {}), ("none", {}), ("semicolons", dict(sep=";")), ("utf16", dict(encoding="utf-16")), ("index", dict(index=True)), ("bare", dict(header=False))):
        t = d.assign(label=1) if kind=="last" else d if kind in ("none", "bare") else d.assign(label=1)[["label", *d.columns]]
        p = tmp_path/f"{kind}.csv"; t.to_csv(p, **(dict(index=False)|how)); r = command(p, "--json", "--model", files[".onnx"])
        lines = [json.loads(l) for l in r.stdout.splitlines()]; got = [o["top"] for o in lines]; want = want or got
        assert r.returncode==0 and got==want and [o["file"].rsplit(":")[-1] for o in lines]==[str(i+(kind!="bare")) for i in (1, 2, 3)], kind
        assert bool(r.stderr)==(kind not in ("plain", "utf16")), r.stderr
    (tmp_path/"packed.csv.gz").write_bytes(__import__("gzip").compress((tmp_path/"plain.csv").read_bytes()))
    assert len(command(tmp_path/"packed.csv.gz", "--model", files[".onnx"]).stdout.splitlines())==3

def test_prediction_needs_no_torch(files, tmp_path):
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(tmp_path/"a.png")
    code = f"import sys; from asl_course.predict import Predictor; Predictor({str(files['.onnx'])!r})({str(tmp_path/'a.png')!r}); import asl_course.commands; print([m for m in ('torch', 'fastai', 'pandas', 'matplotlib') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()=="[]"

def test_asl_train_makes_a_reader_that_reads(tmp_path, monkeypatch, capsys):
    import asl_course.data as data
    from asl_course.commands import asl_train
    from asl_course.synth import synth_letters
    small = synth_letters(1200, 240, 3)
    monkeypatch.setattr(data, "load_letters", lambda source: small)
    assert not asl_train(str(tmp_path/"model"), 7, "cpu", "synth", "smoke")
    said = capsys.readouterr().out
    assert "rendering 240 hands" in said and said.count("training on")==3 and "test accuracy" in said, "progress, fold by fold"
    reads, (net, about) = Predictor(tmp_path/"model"/"reader.onnx"), load_model(tmp_path/"model"/"reader.safetensors")
    assert reads.about==about and about.recipe=="shipped.reader" and about.settings["seed"]==7 and about.settings["scale"]=="smoke" and about.record["source"]=="synth" and about.record["rows"]==[1200, 240]
    with torch.no_grad(): want = (net(torch.as_tensor(small.x_test)[:, None]/255)/about.temperature).softmax(1).numpy()
    assert np.abs(reads.probs(small.x_test)-want).max()<1e-4
    acc = (reads.probs(small.x_test).argmax(1)==small.y_test).mean()
    assert acc==pytest.approx(about.record["test"]) and acc>.3, "it has learned, and the record is its own"

@pytest.mark.parametrize("device", devices())
def test_a_round_trip_gives_equal_scores_on_every_device(files, model, pictures, device):
    loaded, _ = load_model(files[".safetensors"], device)
    x = (torch.as_tensor(pictures[:64])[:, None]/255).to(device)
    with torch.no_grad(): assert torch.equal(loaded(x), model.to(device)(x))
    model.to("cpu")
