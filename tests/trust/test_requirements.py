"""No requirement allows a version with a known vulnerability, and each allows the installed version."""

import re

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from fer.paths import CHECKOUT

# The first version without the vulnerability, and its advisory.
FIXED = {
    "onnx": ("1.21.0", "CVE-2026-27489"),
    "filelock": ("3.20.3", "CVE-2026-22701"),
    "pillow": ("12.2", "CVE-2026-40192"),
    "av": ("18.0.0", "CVE-2026-8461"),
    "opencv-python-headless": ("4.14.0.94", "CVE-2026-8461"),
    "authlib": ("1.6.9", "CVE-2026-27962"),
    "starlette": ("1.0.1", "GHSA-86qp-5c8j-p5mr"),
    "python-multipart": ("0.0.31", "GHSA-v9pg-7xvm-68hf"),
}
TEXT = (CHECKOUT / "requirements.txt").read_text()
REQUIREMENTS = {
    requirement.name.lower(): requirement
    for line in TEXT.splitlines()
    if (stripped := line.partition("#")[0].strip()) and not stripped.startswith("-")
    for requirement in [Requirement(stripped)]
}
PINS = dict(
    re.findall(r"^([\w.-]+)==(\S+)$", (CHECKOUT / "constraints.txt").read_text().replace("_", "-").lower(), re.M)
)


@pytest.mark.parametrize("name", FIXED)
def test_the_floor_is_above_the_vulnerability_and_its_advisory_is_named(name: str) -> None:
    fixed, advisory = FIXED[name]
    floors = [Version(item.version) for item in REQUIREMENTS[name].specifier if item.operator == ">="]
    assert floors and floors[0] >= Version(fixed)
    before = TEXT[: re.search(rf"^{name}[>=]", TEXT, re.M).start()]  # type: ignore[union-attr]
    assert advisory in before.rsplit("\n\n", 1)[-1].rsplit("\n#", 1)[-1]


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_the_installed_version_is_allowed(name: str) -> None:
    assert Version(PINS[name]) in REQUIREMENTS[name].specifier


def test_the_wheels_of_av_bundle_the_fixed_ffmpeg() -> None:
    import av

    assert Version(av.ffmpeg_version_info) >= Version("8.1.2")
