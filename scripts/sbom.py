"""Writes the bill of materials of what is released, as CycloneDX 1.5: every crate that is linked into the filter or the command.

usage: scripts/sbom.py FILE VERSION
"""

import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.hash.factories import HashTypeFactory
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot5
from packageurl import PackageURL

SHIPPED = ("trackgate", "trackgate-cli")


def metadata():
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def linked(nodes, roots):
    """The crates that end up in the artefacts: neither those of tests nor of build scripts."""
    found, waiting = {}, list(roots)
    while waiting:
        node = nodes[waiting.pop()]
        if node["id"] not in found:
            normal = [
                dependency["pkg"]
                for dependency in node["deps"]
                if any(kind["kind"] is None for kind in dependency["dep_kinds"])
            ]
            found[node["id"]] = normal
            waiting += normal
    return found


def checksums():
    """The registry's own digests, from Cargo.lock."""
    found, package = {}, {}
    for line in Path("Cargo.lock").read_text().splitlines():
        name, _, value = line.partition(" = ")
        if line == "[[package]]":
            package = {}
        elif name in ("name", "version"):
            package[name] = value.strip('"')
        elif name == "checksum":
            found[package["name"], package["version"]] = value.strip('"')
    return found


def component(package, checksum):
    name, version = package["name"], package["version"]
    licenses = [LicenseFactory().make_from_string(package["license"].replace("/", " OR "))] if package["license"] else []
    return Component(
        type=ComponentType.APPLICATION if name == "trackgate-cli" else ComponentType.LIBRARY,
        name=name,
        version=version,
        bom_ref=f"{name}@{version}",
        licenses=licenses,
        purl=PackageURL("cargo", name=name, version=version),
        hashes=[HashTypeFactory().from_hashlib_alg("sha256", checksum)] if checksum else [],
    )


def main():
    cargo = metadata()
    packages = {package["id"]: package for package in cargo["packages"]}
    nodes = {node["id"]: node for node in cargo["resolve"]["nodes"]}
    roots = [id for id, package in packages.items() if package["name"] in SHIPPED]
    digests = checksums()
    tree = linked(nodes, roots)
    components = {
        id: component(packages[id], digests.get((packages[id]["name"], packages[id]["version"]))) for id in sorted(tree)
    }
    bom = Bom(components=components.values())
    whole = Component(type=ComponentType.APPLICATION, name="trackgate", version=sys.argv[2], bom_ref="release")
    bom.metadata.component = whole
    bom.metadata.timestamp = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)
    bom.serial_number = uuid5(NAMESPACE_URL, "trackgate " + " ".join(sorted(str(part.bom_ref) for part in components.values())))
    bom.register_dependency(whole, [components[id] for id in roots])
    for id, dependencies in tree.items():
        bom.register_dependency(components[id], [components[dependency] for dependency in dependencies])
    Path(sys.argv[1]).write_text(JsonV1Dot5(bom).output_as_string(indent=2) + "\n")
    print(f"{sys.argv[1]}: {len(components)} crates")


main()
