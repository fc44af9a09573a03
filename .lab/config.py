# `jupyter lab --config .lab/config.py --notebook-dir work` opens the home page of your copies, and asks nobody for news or updates.
from pathlib import Path
c = get_config()  # noqa
c.LabApp.default_url = "/lab/tree/home.md"
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.app_settings_dir = str(Path(__file__).resolve().parent)
