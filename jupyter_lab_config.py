# Read by JupyterLab when it is started from this folder: it opens the home page of your copies, and asks nobody for news or updates.
c = get_config()  # noqa
c.LabApp.default_url = "/lab/tree/home.md?factory=Markdown%20Preview"
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
