"""What the engines are measured on: files where there are any, else what the registries' packages ship."""

import json
from dataclasses import dataclass
from pathlib import Path

from . import sources


@dataclass
class Corpus:
    """User-Agent values of one kind: bots, libraries, people or apps."""

    name: str
    kind: str
    values: list[str]


KINDS = ["bots", "libraries", "people", "apps"]
FILES = {"bots": "bots_dev.txt", "libraries": "libs_dev.txt", "people": "humans_dev.txt", "apps": "apps_dev.txt"}


def load(folder):
    """The files of `folder` if it has all of them, and always what the packages ship."""
    return from_files(Path(folder)) + from_packages()


def from_files(folder):
    if not all((folder / name).is_file() for name in FILES.values()):
        return []
    return [Corpus(name, kind, lines(folder / name)) for kind, name in FILES.items()]


def lines(path):
    return list(dict.fromkeys(line for line in path.read_text(encoding="utf-8", errors="replace").split("\n") if line))


def from_packages():
    """Crawlers from crawler-user-agents; device-detector's fixtures (LGPL: read here, never carried over); browsers that
    people used, from packages that serve them."""
    found = [corpus("crawler-user-agents", "bots", (value for entry in sources.crawler_user_agents() for value in entry["instances"]))]
    found += device_detector()
    site = sources.site_packages()
    with open(site / "fake_useragent/data/browsers.jsonl", encoding="utf-8") as file:
        found.append(corpus("fake-useragent", "people", (json.loads(line)["useragent"] for line in file)))
    modules = sources.TOOLS / "node_modules"
    entries = json.loads((modules / "user-agents/dist/user-agents.json").read_text())
    found.append(corpus("user-agents (npm)", "people", (entry["userAgent"] for entry in entries)))
    names = ("index", "desktop", "mobile")
    values = (value for name in names for value in json.loads((modules / f"top-user-agents/src/{name}.json").read_text()))
    found.append(corpus("top-user-agents", "people", values))
    return found


def device_detector():
    """Kinds as its fixtures label them; what no browser's start has is an app whatever its label."""
    script = Path(__file__).with_name("fixtures.py")
    done = sources.run(sources.TOOLS / "venv/bin/python", script, capture_output=True)
    return [corpus("device-detector", kind, values) for kind, values in json.loads(done.stdout).items()]


def corpus(name, kind, values):
    clean = (value.strip().replace("\n", " ").replace("\t", " ") for value in values)
    return Corpus(name, kind, list(dict.fromkeys(value for value in clean if value)))
