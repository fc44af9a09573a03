"nbdev_test on rendered hands and, where the real files are found, on them."
import os, subprocess, sys
from pathlib import Path

root, here = Path(__file__).resolve().parent.parent, Path(sys.executable).parent
real = subprocess.run([str(here/"asl_data"), "--check"], capture_output=True).returncode==0
for source in ["synth"]+(["real"] if real else []):
    print(f"nbdev_test on {source} data", flush=True)
    env = {"OMP_NUM_THREADS": "1", **os.environ, "ASL_SOURCE": source, "PYTHONPATH": str(root/"tests"/"nonet")}
    code = subprocess.run([str(here/"nbdev_test"), "--n_workers", "2"], cwd=root, env=env).returncode
    if code: sys.exit(code)
if not real: print("The real files were not found: notebooks were tested on rendered hands only.")
