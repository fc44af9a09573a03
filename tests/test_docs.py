"The site and the README are made from the notebooks, with every page, link, formula and picture in place."
import re, subprocess, sys
import pytest
from conftest import NBS, ROOT
sys.path.insert(0, str(ROOT/"tests"/"first"))
from test_sources import copy_to

@pytest.fixture(scope="module")
def site(tmp_path_factory):
    d = tmp_path_factory.mktemp("docs"); copy_to(d)
    res = subprocess.run([sys.executable, ".ci/docs.py"], cwd=d, capture_output=True, text=True)
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
