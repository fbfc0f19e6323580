"""Nothing in the repository depends on one machine or one package registry."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

from tests.arch.source import ROOT, Breach, assert_kept, files

# path -> reason
PLACES = MappingProxyType[str, str]({})

TEXT_LIMIT_BYTES = 5_000_000
# Written in parts, so that this file does not name them itself.
MACHINE_PATHS = ("/work" + "/", "/root" + "/", "/tmp/bash" + "_jobs")
REGISTRIES = (
    *("pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org", "deb.debian" + ".org"),
    *("archive.ubuntu" + ".com", "conda.anaconda" + ".org", "proxy.golang" + ".org", "static.crates" + ".io"),
)
# A path starts with its slash: `docs/root/x` and `example.com/work/x` are none.
PLACE = re.compile(
    rf"(?<![\w.}}\])-])(?:{'|'.join(MACHINE_PATHS)})|" + "|".join(re.escape(host) for host in REGISTRIES)
)


def places(path: str, text: str) -> Iterator[Breach]:
    for number, line in enumerate(text.splitlines(), start=1):
        found = PLACE.search(line)
        if found:
            yield Breach(key=path, text=f"{path}:{number}: names {found.group()}")


def project_files() -> Iterator[Path]:
    """What is, or would be, committed; in a copy without git everything but hidden files."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if listing.returncode or not listing.stdout:
        return files(ROOT)
    return (ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file())


def texts() -> Iterator[tuple[str, str]]:
    for path in project_files():
        if path.stat().st_size <= TEXT_LIMIT_BYTES:
            content = path.read_bytes()
            if b"\0" not in content:
                yield path.relative_to(ROOT).as_posix(), content.decode("utf-8", errors="replace")


def test_nothing_names_a_machine_path_or_a_package_registry() -> None:
    assert_kept((b for path, text in texts() for b in places(path, text)), PLACES)


def test_the_rule_sees_a_machine_path_and_a_registry() -> None:
    for path in MACHINE_PATHS:
        assert list(places("a.md", f"see {path}x")), path
    for host in REGISTRIES:
        assert list(places("a.md", f"from https://{host}/simple")), host
    assert not list(places("a.md", "the folder my/work/x, the path docs/root/y, a site example.com/work/z"))
