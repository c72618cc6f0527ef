#!/usr/bin/env python3
"""Lays out the pages of the site: python3 docs/stage.py DIRECTORY, then mdbook build DIRECTORY.

The pages are documents of the repository, each where it belongs: the page of a transform in the
folder of the transform. Here each is copied to its place in the book, and links follow: to the page
of the book where there is one, else to the file in the repository.
"""

import os
import re
import shutil
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
REPOSITORY = "https://github.com/kubewright/kubewright/blob/main"
LINK = re.compile(r"(\]\()([^)\s]+)(\))")


def pages() -> dict[str, str]:
    """Documents of the repository, and where each stands in the book."""
    found = {
        "README.md": "introduction.md",
        "SECURITY.md": "security.md",
        "CONTRIBUTING.md": "contributing.md",
        "CHANGELOG.md": "changes.md",
        "transforms/README.md": "transforms/index.md",
        "integrations/packages/README.md": "packages.md",
    }
    for page in (TOP / "docs").glob("*.md"):
        found[f"docs/{page.name}"] = page.name
    for page in (TOP / "transforms").glob("*/README.md"):
        if not page.parent.name.startswith("_"):
            found[f"transforms/{page.parent.name}/README.md"] = f"transforms/{page.parent.name}.md"
    for page in (TOP / "examples").glob("*/README.md"):
        found[f"examples/{page.parent.name}/README.md"] = f"examples/{page.parent.name}.md"
    return found


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python3 docs/stage.py DIRECTORY")
    target = Path(sys.argv[1])
    if target.exists() and any(target.iterdir()) and not (target / "book.toml").exists():
        sys.exit(f"{target} holds something else than a book; name a new directory")
    shutil.rmtree(target / "src", ignore_errors=True)
    (target / "src").mkdir(parents=True)
    shutil.copy(TOP / "docs/book.toml", target)
    found = pages()
    for source, page in found.items():
        folder, here = os.path.dirname(source), os.path.dirname(page)

        def follow(link: re.Match[str]) -> str:
            path, hash_, anchor = link[2].partition("#")
            if not path or ":" in path:
                return link[0]
            meant = os.path.normpath(os.path.join(folder, path))
            if os.path.isdir(TOP / meant) and f"{meant}/README.md" in found:
                meant += "/README.md"
            if meant in found:
                to = os.path.relpath(found[meant], here or ".")
            elif meant.startswith("docs/") and meant.endswith((".svg", ".json")):
                to = os.path.relpath(meant.removeprefix("docs/"), here or ".")
            else:
                to = f"{REPOSITORY}/{meant}"
            return f"{link[1]}{to}{hash_}{anchor}{link[3]}"

        written = target / "src" / page
        written.parent.mkdir(parents=True, exist_ok=True)
        text = (TOP / source).read_text()
        # The table of contents names places in the book already.
        written.write_text(text if page == "SUMMARY.md" else LINK.sub(follow, text))
    for extra in [*(TOP / "docs").glob("*.svg"), *(TOP / "docs").glob("schemas/*.json")]:
        copied = target / "src" / extra.relative_to(TOP / "docs")
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(extra, copied)


if __name__ == "__main__":
    main()
