"The site and the README are made from the notebooks, with every page, link, formula and picture in place."
import json, os, re, subprocess, sys, threading
from functools import partial
from http.server import ThreadingHTTPServer
import pytest
from conftest import NBS, ROOT
from test_browser import CHROMIUM, NPM, Quiet, missing
sys.path.insert(0, str(ROOT/"tests"/"first"))
from test_sources import copy_to

@pytest.fixture(scope="module")
def site(tmp_path_factory):
    d = tmp_path_factory.mktemp("docs"); copy_to(d)
    if (ROOT/".ci"/"node_modules").exists(): (d/".ci"/"node_modules").symlink_to(ROOT/".ci"/"node_modules")
    res = subprocess.run([sys.executable, ".ci/docs.py"], cwd=d, capture_output=True, text=True, env={**os.environ, "ASL_OFFLINE": "1"})
    assert res.returncode==0, res.stdout+res.stderr
    return d

def test_every_notebook_is_a_page(site):
    for p in NBS: assert (site/"_docs"/p.relative_to(ROOT/"nbs").with_suffix(".html")).stat().st_size>3000

def test_pages_hold_what_a_reader_needs(site):
    text = (site/"_docs"/"02_scratch.html").read_text()
    for o in ("A letter learned with a matrix", "You will be able to", "log_softmax", "99.63", "<details"): assert o in text, o
    for p in (site/"_docs").rglob("*.html"):
        html = p.read_text()
        assert "run_line_magic" not in html and "default_exp" not in html, f"a hidden cell shows in {p.name}"
        for img in re.findall(r"<img [^>]*>", html): assert re.search(r'alt="[^"]{3,}"', img), f"{p.name}: {img[:100]}"

def test_readme_is_current(site):
    assert (site/"README.md").read_text()==(ROOT/"README.md").read_text(), "README.md is older than nbs/index.ipynb: python .ci/docs.py --readme"
    text = (ROOT/"README.md").read_text()
    assert "make course" in text and "make test" in text
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", text): assert (ROOT/target).exists(), target

def test_the_readers_page_is_whole(site):
    import json
    from asl_course.predict import Predictor
    page = site/"_docs"/"reader"
    about, here = json.loads((page/"about.json").read_text()), (ROOT/".ci"/"node_modules"/"onnxruntime-web").exists()
    assert {k: about[k] for k in ("letters", "threshold", "format", "recipe")}=={k: getattr(Predictor().about, k) for k in ("letters", "threshold", "format", "recipe")}
    assert (page/"reader.onnx").read_bytes()==Predictor().path.read_bytes() and (page/"squares.onnx").exists() and len(about["examples"])==8 and all((page/o).exists() for o in about["examples"])
    html = (page/"index.html").read_text()
    for o in re.findall(r'(?:href|src)="(?!data:|#)([^"#]+)', html): assert (page/o).resolve().exists(), o
    assert 'id="model-card"' in (site/"_docs"/"18_app.html").read_text()
    if here: assert about["runtime"]=="ort/" and all((page/"ort"/o).stat().st_size>50_000 for o in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")) and set(re.findall(r"https://[^ ;]+", re.search(r"Content-Security-Policy.*", html)[0]))==(set() if (page/"hand_landmarker.task").exists() else {"https://storage.googleapis.com"})

def test_without_npm_the_page_takes_the_runtime_from_its_public_address(tmp_path, monkeypatch):
    import importlib.util, json
    spec = importlib.util.spec_from_file_location("docs", ROOT/".ci"/"docs.py"); docs = importlib.util.module_from_spec(spec); spec.loader.exec_module(docs)
    monkeypatch.setattr(docs, "npm", tmp_path/"none")
    docs.reader_page(tmp_path/"reader")
    version = json.loads((ROOT/".ci"/"package.json").read_text())["dependencies"]["onnxruntime-web"]
    assert json.loads((tmp_path/"reader"/"about.json").read_text())["runtime"]==f"https://cdn.jsdelivr.net/npm/onnxruntime-web@{version}/dist/" and not (tmp_path/"reader"/"ort").exists()
    assert re.search(r"script-src 'self' https://cdn.jsdelivr.net.*connect-src 'self' [^;]*https://cdn.jsdelivr.net", (tmp_path/"reader"/"index.html").read_text())

def test_the_model_card_is_current(site):
    assert (site/"asl_course"/"models"/"README.md").read_text()==(ROOT/"asl_course"/"models"/"README.md").read_text()

# -- in the browser

@pytest.fixture(scope="module")
def visited(site):
    absent = missing+[o for o in ("axe-core", "katex") if not (NPM/o).exists()]
    if absent: pytest.skip(f"no {', '.join(absent)} here; CI installs them by name")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site/"_docs")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pages = sorted(p.relative_to(site/"_docs").as_posix() for p in (site/"_docs").rglob("*.html") if p.parent.name!="reader")
    dark = ["index.html", "02_scratch.html", "19_speed.html", "18_app.html", "tutorials/claims.html"]
    task = dict(url=f"http://127.0.0.1:{server.server_port}/", npm=str(NPM), chromium=CHROMIUM, pages=pages, dark=dark)
    res = subprocess.run(["node", str(ROOT/"tests"/"site.mjs")], input=json.dumps(task), capture_output=True, text=True, timeout=600)
    server.shutdown()
    assert res.returncode==0, res.stderr[-2000:]
    return json.loads(res.stdout)

def test_every_page_loads_without_complaint_or_another_host(visited):
    assert len(visited["pages"])==len(NBS)
    for name, o in visited["pages"].items():
        assert not o["errors"] and not o["outside"] and not o["broken"], (name, o["errors"], o["outside"], o["broken"])
        assert o["noalt"]==0 and o["maths"]==0, (name, "pictures without alternative text, formulas that are not set", o["noalt"], o["maths"])
    assert sum(o["formulas"] for o in visited["pages"].values())>30

def test_pages_fit_a_phone_and_a_laptop(visited):
    assert {name: o["unfit"] for name, o in visited["pages"].items() if any(o["unfit"].values())}=={}

def test_axe_finds_nothing_serious(visited):
    looks = [(name, o[k]) for name, o in visited["pages"].items() for k in ("light", "dark") if k in o]
    assert [(name, o["issues"]) for name, o in looks if o["issues"]]==[] and min(o["kinds"] for _, o in looks)>15

def test_what_begins_to_scroll_can_be_reached(visited):
    "On a phone, after letters have grown: other fonts, fonts that come late, a reader who asks for larger ones"
    assert {name: o["unreachable"] for name, o in visited["pages"].items() if o["unreachable"]}=={}

def test_search_and_navigation(visited):
    assert any("softmax" in o for o in visited["found"]) and visited["walked"]=="02_scratch.html" and visited["phoneErrors"]==[]

def test_each_page_can_be_downloaded_and_previewed(site):
    for p in NBS:
        name = p.relative_to(ROOT/"nbs")
        html = (site/"_docs"/name.with_suffix(".html")).read_text()
        assert (site/"_docs"/"notebooks"/name).read_bytes()==p.read_bytes() and (p.stem=="index" or f'notebooks/{name.as_posix()}" download' in html), name
        assert 'property="og:title"' in html and 'property="og:image" content="https://asl-course.github.io/asl_course/images/index-1.png"' in html and 'rel="icon"' in html
        assert f"blob/main/nbs/{name.as_posix()}" in html, "the source of a page"
    assert (site/"_docs"/"images"/"index-1.png").exists()

def test_a_failing_page_stops_the_build(tmp_path):
    copy_to(tmp_path)
    p = tmp_path/"nbs"/"02_scratch.ipynb"
    d = json.loads(p.read_text())
    i = next(i for i, c in enumerate(d["cells"]) if c["cell_type"]=="code" and "".join(c["source"]).startswith("import "))
    d["cells"][i]["source"] = ["import a_module_that_is_not_here"]
    p.write_text(json.dumps(d))
    res = subprocess.run([sys.executable, ".ci/docs.py"], cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "ASL_OFFLINE": "1"})
    said = res.stdout+res.stderr
    assert res.returncode!=0 and re.search(r"Error in notebook: A letter learned with a matrix in cell \d+", said) and "a_module_that_is_not_here" in said, said[-1500:]
    assert not (tmp_path/"_docs").exists(), "nothing half-built"

def test_names_lead_to_their_page(site):
    html = (site/"_docs"/"solutions"/"s02_scratch.html").read_text()
    assert 'href="../22_exercises.html#check"' in html
    assert "asl-course.github.io/asl_course/" not in re.sub(r"<head>.*?</head>", "", (site/"_docs"/"02_scratch.html").read_text(), flags=re.S)

def test_the_library_page_is_current():
    "Every exported name, in the saved output; refresh it after adding one: make refresh CH=library"
    import importlib
    from conftest import load
    text = json.dumps(load(ROOT/"nbs"/"library.ipynb"))
    for p in sorted((ROOT/"asl_course").rglob("*.py")):
        if p.stem in ("__init__", "_modidx", "all") or p.parent.name=="cases": continue
        name = ".".join(p.relative_to(ROOT).with_suffix("").parts)
        for n in importlib.import_module(name).__all__: assert f"| [{n}](" in text, f"{name}.{n}"

@pytest.mark.parametrize("way", ["an evening", "a weekend", "a term"])
def test_a_way_through_the_course_hangs_together(way):
    "In order, no page twice, and where a page is left out that the next one builds on, a sentence says what to know"
    from asl_course.pages import contents, way_pages, way_table
    pages = contents()
    steps = way_pages(way, pages)
    names = [p.place for p, _ in steps]
    assert names==sorted(set(names)) and len(names)>=4 and way_table(way, pages).count("|\n|")==len(names)+1
    for p, said in steps:
        left_out = [o for o in p.before if o not in names and not o.startswith(("2", "3"))]
        assert not left_out or len(said)>40, f"{p.place} builds on {left_out}, which {way} leaves out, and nothing is said of it"
