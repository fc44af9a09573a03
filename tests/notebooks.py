"nbdev_test on the real data where its files are found, otherwise on rendered hands; papermill runs every chapter on both."
import os, subprocess, sys
from pathlib import Path

root, here = Path(__file__).resolve().parent.parent, Path(sys.executable).parent
real = subprocess.run([str(here/"asl_data"), "--check"], capture_output=True).returncode==0
print("nbdev_test on the real data" if real else "nbdev_test on rendered hands, since the real files were not found", flush=True)
env = {"OMP_NUM_THREADS": "1", **os.environ, "ASL_SOURCE": "real" if real else "synth", "PYTHONPATH": str(root/"tests"/"nonet")}
sys.exit(subprocess.run([str(here/"nbdev_test"), "--n_workers", "2"], cwd=root, env=env).returncode)
