"Reads everything from settings.ini, so that metadata and requirements are written once."
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

here = Path(__file__).parent
cfg = ConfigParser(delimiters=["="])
cfg.read(here/"settings.ini", encoding="utf-8")
cfg = cfg["DEFAULT"]
hands = cfg["hands_requirements"].splitlines() # a line each, since markers hold spaces; there is no wheel for every system

class BuildWithRecords(build_py):
    "Ships the recorded runs inside the package, where `show_record` finds them without the repository"
    def run(self):
        super().run()
        if self.editable_mode: return
        for f in sorted((here/"data"/"runs").glob("*.json")):
            out = Path(self.build_lib)/cfg["lib_name"]/"runs"
            out.mkdir(parents=True, exist_ok=True)
            self.copy_file(str(f), str(out/f.name))

setup(
    name=cfg["lib_name"], version=cfg["version"], description=cfg["description"], keywords=cfg["keywords"].split(),
    author=cfg["author"], author_email=cfg["author_email"], license="Apache-2.0", url=cfg["git_url"],
    packages=find_packages(str(here), include=[cfg["lib_name"], f"{cfg['lib_name']}.*"]), package_data={cfg["lib_name"]: ["models/*", "tables/*"]}, python_requires=f">={cfg['min_python']}",
    install_requires=cfg["requirements"].split(), extras_require={"hands": hands, "dev": cfg["dev_requirements"].split()+hands},
    entry_points={"console_scripts": cfg["console_scripts"].split(), "nbdev": [f"{cfg['lib_name']}={cfg['lib_name']}._modidx:d"]},
    long_description=(here/"README.md").read_text(encoding="utf-8"), long_description_content_type="text/markdown",
    cmdclass={"build_py": BuildWithRecords}, zip_safe=False,
    classifiers=["Intended Audience :: Education", "License :: OSI Approved :: Apache Software License",
                 "Programming Language :: Python :: 3", "Topic :: Scientific/Engineering :: Artificial Intelligence"])
