"""Prints device-detector's fixtures as {kind: [User-Agent]}; runs in the virtual environment, which has PyYAML."""

import json
import sys
from pathlib import Path

import device_detector
import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def kind_of(path, entry, value):
    client = entry.get("client") or {}
    if path.name == "bots.yml" or entry.get("bot"):
        return "bots"
    if "Headless" in str(client.get("name")):
        return None
    if client.get("type") == "browser" and value.lower().startswith(("mozilla/", "opera/")):
        return "people"
    if client.get("type") == "library":
        return "libraries"
    return "apps"


def main():
    found = {}
    folder = Path(device_detector.__file__).parent / "tests/fixtures/upstream"
    for path in sorted(folder.glob("*.yml")):
        if path.name.startswith("clienthints"):
            continue
        for entry in yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER):
            value = str(entry.get("user_agent") or "")
            kind = value and kind_of(path, entry, value)
            if kind:
                found.setdefault(kind, []).append(value)
    json.dump({kind: found[kind] for kind in ("bots", "people", "apps")}, sys.stdout)


main()
