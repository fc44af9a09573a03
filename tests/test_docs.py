"The site and the README are made from the notebooks, with every page, link, formula and picture in place."
import os, re, subprocess, sys
import pytest
from conftest import NBS, ROOT
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
    assert (page/"reader.onnx").read_bytes()==Predictor().path.read_bytes() and len(about["examples"])==24 and all((page/o).exists() for o in about["examples"])
    html = (page/"index.html").read_text()
    for o in re.findall(r'(?:href|src)="(?!data:|#)([^"#]+)', html): assert (page/o).resolve().exists(), o
    assert 'id="model-card"' in (site/"_docs"/"13_app.html").read_text()
    if here: assert about["runtime"]=="ort/" and all((page/"ort"/o).stat().st_size>50_000 for o in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")) and "https://" not in re.search(r"Content-Security-Policy.*", html)[0]

def test_without_npm_the_page_takes_the_runtime_from_its_public_address(tmp_path, monkeypatch):
    import importlib.util, json
    spec = importlib.util.spec_from_file_location("docs", ROOT/".ci"/"docs.py"); docs = importlib.util.module_from_spec(spec); spec.loader.exec_module(docs)
    monkeypatch.setattr(docs, "npm", tmp_path/"none")
    docs.reader_page(tmp_path/"reader")
    version = json.loads((ROOT/".ci"/"package.json").read_text())["dependencies"]["onnxruntime-web"]
    assert json.loads((tmp_path/"reader"/"about.json").read_text())["runtime"]==f"https://cdn.jsdelivr.net/npm/onnxruntime-web@{version}/dist/" and not (tmp_path/"reader"/"ort").exists()
    assert re.search(r"script-src 'self' https://cdn.jsdelivr.net.*connect-src 'self' https://cdn.jsdelivr.net", (tmp_path/"reader"/"index.html").read_text())

def test_the_model_card_is_current(site):
    assert (site/"asl_course"/"models"/"README.md").read_text()==(ROOT/"asl_course"/"models"/"README.md").read_text()
