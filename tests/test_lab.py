"What a learner sees in JupyterLab: a home page, folders by part, and chapters that begin with their title"
import json, os, re, shutil, signal, socket, subprocess, sys, time, urllib.request
from pathlib import Path
import pytest
from conftest import ROOT, load, source
from asl_course.pages import contents, copy_chapters, work_places, write_home
from test_browser import CHROMIUM, NPM, missing

def test_pages_lie_in_folders_and_links_follow(tmp_path):
    copy_chapters(tmp_path, ["01", "02", "t4", "s02", "index"])
    assert {o.relative_to(tmp_path).as_posix() for o in tmp_path.rglob("*.ipynb")}=={"1-letters/01_data.ipynb", "1-letters/02_scratch.ipynb", "tutorials/t4.ipynb", "solutions/s02_scratch.ipynb", "index.ipynb"}
    places = {*work_places().values()}
    for p in tmp_path.rglob("*.ipynb"):
        for c in load(p)["cells"]:
            if c["cell_type"]!="markdown": continue
            for to in re.findall(r"\]\(([\w./-]+\.ipynb)", source(c)):
                assert os.path.relpath((p.parent/to).resolve(), tmp_path.resolve()).replace(os.sep, "/") in places, (p.name, to)

def test_a_copy_holds_no_plumbing(tmp_path):
    copy_chapters(tmp_path)
    assert len([*tmp_path.rglob("*.ipynb")])==len(contents())
    for p in tmp_path.rglob("*.ipynb"):
        cells = load(p)["cells"]
        assert source(cells[0]).startswith("# "), f"{p.name} begins with {source(cells[0])[:60]!r}"
        code = [c for c in cells if c["cell_type"]=="code"]
        assert not [o for c in code for o in source(c).splitlines() if o.startswith("#|")], p.name
        shut = [c for c in code if c["metadata"].get("jupyter", {}).get("source_hidden")]
        if any(source(c).startswith(("import ", "from ")) for c in code): assert any("import" in source(c) for c in shut), p.name
        assert not [c for c in code if c not in shut and source(c).startswith(("import ", "from "))], p.name
        assert [c for c in code if "parameters" in c["metadata"].get("tags", [])], "papermill still finds its cell"

def test_the_page_one_was_in_comes_first(tmp_path):
    copy_chapters(tmp_path, ["01", "02", "05"])
    first = lambda: write_home(tmp_path).read_text(encoding="utf-8").splitlines()[2]
    assert first()=="**Begin here: [01 Meet the data](1-letters/01_data.ipynb)**"
    p = tmp_path/"1-letters"/"02_scratch.ipynb"
    p.write_text(p.read_text(encoding="utf-8").replace("A reader made of random numbers", "Mine"), encoding="utf-8")
    assert first()=="**Go on where you were: [02 A letter learned with a matrix](1-letters/02_scratch.ipynb)**"
    (tmp_path/"1-letters"/"01_data.ipynb").unlink()
    assert first().startswith("**Go on where you were: [02")
    copy_chapters(tmp_path, ["02"])
    assert "Mine" in p.read_text(encoding="utf-8"), "what somebody wrote is left alone"
    copy_chapters(tmp_path, ["02"], fresh=True)
    assert "Mine" in (p.parent/"02_scratch.old.ipynb").read_text(encoding="utf-8") and first()=="**Begin here: [02 A letter learned with a matrix](1-letters/02_scratch.ipynb)**", "the first that is there"

@pytest.mark.skipif(bool(missing), reason=f"no {', '.join(missing)} here; CI installs them by name")
def test_the_first_screens(tmp_path):
    work = tmp_path/"work"
    copy_chapters(work), write_home(work)
    shutil.copytree(ROOT/".lab", tmp_path/".lab")
    with socket.socket() as s: s.bind(("127.0.0.1", 0)); port = s.getsockname()[1]
    lab = Path(sys.executable).with_name("jupyter")
    env = {**os.environ, "HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path/"config"), "JUPYTER_DATA_DIR": str(tmp_path/"data")}
    args = [lab, "lab", "--config", ".lab/config.py", "--notebook-dir", "work", "--no-browser", "--port", str(port), "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--allow-root"]
    server = subprocess.Popen(args, cwd=tmp_path, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        url, end = f"http://127.0.0.1:{port}/", time.time()+90
        while True:
            assert server.poll() is None and time.time()<end, server.stderr.read()[-2000:]
            try: urllib.request.urlopen(url+"api/status", timeout=2); break
            except OSError: time.sleep(.5)
        pages = ["1-letters/01_data.ipynb", "1-letters/03_train.ipynb", "4-use-it/16_hands.ipynb"]
        res = subprocess.run(["node", str(ROOT/"tests"/"lab.mjs")], input=json.dumps(dict(url=url, npm=str(NPM), chromium=CHROMIUM, pages=pages, shots=os.environ.get("ASL_SHOTS"))), capture_output=True, text=True, timeout=400)
        assert res.returncode==0, res.stderr[-2000:]
        o = json.loads(res.stdout)
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)
    assert "failed" not in o, o["failed"]
    assert "Begin here" in o["home"] and "Meet the data" in o["home"]
    assert not o["dialogs"] and o["hosts"]==["127.0.0.1"], (o["dialogs"], o["hosts"])
    assert "1-letters" in o["folders"] and not [p for p in o["folders"] if p.startswith("0")]
    for place, text in o["screens"].items():
        title = next(p.title for p in contents() if p.path.name==Path(place).name)
        assert title in text, (place, text[:300])
        for word in ("__import__", "default_exp", "import numpy", "#|", "run_line_magic"): assert word not in text, (place, word)
