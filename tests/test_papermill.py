"Every chapter ran from top to bottom in a fresh kernel; see the `runs` fixture for how."
import os, subprocess, sys
import pytest
from conftest import PAGES, SOURCE, TWICE, code_cells, devices, load, source

@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_page_runs(runs, page, device):
    res = runs(page.stem, device)
    assert res["error"] is None, res["error"]
    cells = [c for c in code_cells(load(runs.folder/device/page.name)) if source(c).strip()]
    assert cells and all(c["execution_count"] for c in cells), "a code cell was not run"
    text = "".join("".join(o.get("text", "")) + "".join(o.get("data", {}).get("text/plain", "")) for c in cells for o in c.get("outputs", []))
    assert f"{page.stem}: smoke scale, seed 42" in text, "ASL_SCALE=full won over the parameter scale=\"smoke\""
    if page.stem in TWICE:
        n = {"01_data": 4000, "02_scratch": 3000}[page.stem]
        assert f"Letters({SOURCE}: {n:,} train" in text, "the run was not smoke, or not on the data asked for"
    assert res["headline"], "the page ends without a headline"

@pytest.mark.parametrize("chapter", TWICE)
def test_same_seed_same_numbers(runs, chapter):
    runs(chapter), runs(chapter, again=True)
    one, two = (load(runs.folder/d/f"{chapter}.ipynb") for d in ("cpu", "cpu-again"))
    plain = lambda nb: ["".join(o["data"]["text/plain"]) for c in code_cells(nb) for o in c["outputs"] if "text/plain" in o.get("data", {})]
    assert plain(one)==plain(two) and len(plain(one))>20

def test_pages_that_take_data_are_told():
    "Which pages take data is read from them"
    both = {p.stem for p in PAGES}
    assert {"01_data", "05_split", "08_cnn", "19_speed", "claims", "25_patches"}<=both and not both&{"18_app", "22_exercises", "teaching", "index"}

def test_a_lost_tag_is_noticed(tmp_path):
    "Without the tag papermill puts its values above the defaults, which then win: the hygiene test on tags is what prevents that"
    from asl_course.pages import run_chapter
    import nbformat as nbf
    def page(tags):
        nb = nbf.v4.new_notebook(cells=[nbf.v4.new_code_cell("scale = None", metadata={"tags": tags}), nbf.v4.new_code_cell("from asl_course.core import headline\nheadline(str(scale), 1)")])
        nb.metadata["kernelspec"] = {"name": "python3", "display_name": "python3", "language": "python"}
        nbf.write(nb, tmp_path/"page.ipynb")
        return run_chapter(tmp_path/"page.ipynb", tmp_path/"out", dict(scale="smoke"), False)["headline"]["text"]
    assert page(["parameters"])=="smoke" and page([])=="None"

def test_a_failing_chapter_is_reported(tmp_path):
    from asl_course.pages import run_chapter
    import nbformat as nbf
    nb = nbf.v4.new_notebook(cells=[nbf.v4.new_code_cell("1/0")])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "python3", "language": "python"}
    nbf.write(nb, tmp_path/"bad.ipynb")
    res = run_chapter(tmp_path/"bad.ipynb", tmp_path/"out", {}, False)
    assert "ZeroDivisionError" in res["error"] and "cell 1" in res["error"]

def test_a_kernel_that_finds_its_port_taken_is_started_once_more(tmp_path, monkeypatch):
    import papermill as pm
    from asl_course.pages import chapters, run_chapter
    page, calls, true = next(o for o in chapters() if o.stem=="21_files"), [], pm.execute_notebook
    def silent(*args, **how):
        calls.append(args)
        if len(calls)==1: raise RuntimeError("Kernel didn't respond in 60 seconds")
        return dict(metadata={}, cells=[]) if len(calls)==2 else true(*args, **how)
    monkeypatch.setattr(pm, "execute_notebook", silent)
    monkeypatch.setattr("asl_course.pages.find_headline", lambda nb: "read")
    res = run_chapter(page, tmp_path, progress=False)
    assert len(calls)==2 and res["error"] is None and res["headline"]=="read"
    monkeypatch.setattr(pm, "execute_notebook", lambda *a, **k: (_ for _ in ()).throw(RuntimeError("something else")))
    with pytest.raises(RuntimeError, match="something else"): run_chapter(page, tmp_path, progress=False)

def test_no_network_in_kernels():
    res = subprocess.run([sys.executable, "-c", "import socket; socket.create_connection(('example.com', 80), 2)"], capture_output=True, text=True, env=os.environ)
    assert "no network in tests" in res.stderr

def test_page_and_library_hash_alike(runs):
    "A record made in a page and one made by a sweep are of the same code"
    from asl_course.records import recipes, read_record
    import asl_course.scratch, asl_course.data
    runs("02_scratch"), runs("01_data")
    for id in ("data.floors", "t4.stated", "t4.batch"):
        assert read_record(id, SOURCE, f"{os.environ['ASL_TESTS_SHARED']}/records")["identity"]==recipes[id].code()[0], id
