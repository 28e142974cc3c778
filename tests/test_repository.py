"""What holds for the files of the repository as such."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.txt", "requirements-dev.txt")


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_the_locks_record_no_download_address() -> None:
    for lock in LOCKS:
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", (ROOT / lock).read_text()), lock


def test_the_locks_pin_every_dependency_of_the_project() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    locked = (ROOT / "requirements.txt").read_text()
    for requirement in project["project"]["dependencies"]:
        name = re.split(r"[\[<>=~! ]", requirement)[0]
        assert re.search(rf"^{re.escape(name)}(\[[^]]*\])?==", locked, re.MULTILINE), f"{name}: run make lock"


def test_every_dependency_has_a_reason_beside_it() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    start = lines.index("dependencies = [")
    has_reason = False
    for line in lines[start + 1 : lines.index("]", start)]:
        if line.strip().startswith("#"):
            has_reason = True
        assert has_reason, f"no reason above {line.strip()}"


def test_a_python_file_holds_one_idea() -> None:
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked_files()
        if path.suffix == ".py" and path.exists() and (lines := len(path.read_text().splitlines())) > 400
    }
    assert not too_long


def test_every_package_says_what_belongs_in_it() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.name == "__init__.py"
        and path.exists()
        and not path.read_text().lstrip().startswith('"""')
        and "tests" not in path.parts
    ]
    assert not silent
