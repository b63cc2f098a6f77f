"""Takes the dashboard's libraries out of their npm packages, as `vendor/manifest.json` has them.

`npm pack NAME@VERSION` in an empty folder for each, then
`python -m gateway.dashboard.vendoring FOLDER`. Browsers know no package names, and an import map
would be inline code, so bare imports become paths; undoing that gives the maker's bytes again.
"""

import hashlib
import json
import sys
import tarfile
from pathlib import Path
from typing import Any, Final

VENDOR: Final = Path(__file__).parent / "static" / "vendor"
MANIFEST: Final = VENDOR / "manifest.json"


def read_manifest() -> dict[str, Any]:
    """The manifest: packages with version, licence and files."""
    manifest: dict[str, Any] = json.loads(MANIFEST.read_text())
    return manifest


def adapted(content: bytes, imports: dict[str, str]) -> bytes:
    """The maker's file with bare imports as paths."""
    for name, path in imports.items():
        content = content.replace(f'from"{name}"'.encode(), f'from"{path}"'.encode())
    return content


def original(content: bytes, imports: dict[str, str]) -> bytes:
    """The maker's file back from ours."""
    for name, path in imports.items():
        content = content.replace(f'from"{path}"'.encode(), f'from"{name}"'.encode())
    return content


def digest(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def main(folder: Path) -> None:
    """Write the files and their digests from the packages in the folder."""
    manifest = read_manifest()
    for package in manifest["packages"]:
        stem = package["name"].replace("@", "").replace("/", "-")
        with tarfile.open(folder / f"{stem}-{package['version']}.tgz") as archive:
            for file in package["files"]:
                member = archive.extractfile(f"package/{file['from']}")
                if member is None:
                    raise FileNotFoundError(file["from"])
                content = member.read()
                file["maker_sha256"] = digest(content)
                ours = adapted(content, file.get("imports", {}))
                file["sha256"] = digest(ours)
                (VENDOR / file["path"]).write_bytes(ours)
    MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
