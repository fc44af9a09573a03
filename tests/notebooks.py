"nbdev_test runs every page, solutions too, on rendered hands. papermill runs those that take data again, on the real files where they are found."
import os, subprocess, sys
from pathlib import Path

root, here = Path(__file__).resolve().parent.parent, Path(sys.executable).parent
print("nbdev_test on rendered hands", flush=True)
env = {"OMP_NUM_THREADS": "1", **os.environ, "ASL_SOURCE": "synth", "PYTHONPATH": str(root/"tests"/"nonet")}
sys.exit(subprocess.run([str(here/"nbdev_test"), "--n_workers", "2"], cwd=root, env=env).returncode)
