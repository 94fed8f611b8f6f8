"""Pages as a browser shows them: Debian's chromium without a window."""

import subprocess
from pathlib import Path


def in_browser(url: str, profile: Path) -> str:
    """The document that a browser has made of a page after three seconds."""
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
        "--no-first-run", f"--user-data-dir={profile}", "--virtual-time-budget=3000", "--dump-dom", url,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
