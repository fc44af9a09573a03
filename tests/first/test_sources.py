"Notebooks and library agree, and notebooks are clean: checked on a copy, so that this also works while one is editing."
import shutil, subprocess, sys
from pathlib import Path
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

def files():
    "Tracked files and new ones that git does not ignore; without git, all of nbs and asl_course"
    try:
        out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        return [Path(o) for o in out.splitlines() if (ROOT/o).is_file()]
    except (OSError, subprocess.CalledProcessError):
        return [p.relative_to(ROOT) for d in ("nbs", "asl_course") for p in (ROOT/d).rglob("*") if p.is_file() and "__pycache__" not in p.parts]+[Path("settings.ini")]

def copy_to(folder):
    for o in files():
        (folder/o).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT/o, folder/o, follow_symlinks=False)

@pytest.mark.parametrize("command", ["nbdev_clean", "nbdev_export"])
def test_command_changes_nothing(command, tmp_path):
    copy_to(tmp_path)
    exe = Path(sys.executable).with_name(command)
    res = subprocess.run([str(exe)], cwd=tmp_path, capture_output=True, text=True)
    assert res.returncode==0, res.stderr
    changed = [str(o) for o in files() if o.suffix in (".ipynb", ".py") and (tmp_path/o).read_bytes()!=(ROOT/o).read_bytes()]
    new = [str(p.relative_to(tmp_path)) for p in (tmp_path/"asl_course").rglob("*.py") if not (ROOT/p.relative_to(tmp_path)).exists()]
    assert not changed+new, f"{command} would change {', '.join(changed+new)}: run it, look, and commit"
