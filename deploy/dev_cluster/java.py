"""Java and Maven, which the servers from Maven Central need."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.dev_cluster.server import Failed


def java_home() -> Path:
    """Where Java is installed. Raises `Failed`."""
    if os.environ.get("JAVA_HOME"):
        return Path(os.environ["JAVA_HOME"])
    java = shutil.which("java")
    if java is None:
        raise Failed("the servers run on Java 17, which is not installed")
    return Path(java).resolve().parents[1]


def maven(*arguments: str, folder: Path | None = None) -> None:
    """Run Maven to its end. Raises `Failed`."""
    line: Sequence[str] = ["mvn", "-q", "-B", *arguments]
    try:
        done = subprocess.run(line, capture_output=True, text=True, cwd=folder)
    except FileNotFoundError:
        raise Failed("the servers' packages are fetched with Maven, which is not installed") from None
    if done.returncode:
        raise Failed(f"Maven could not fetch a server: {(done.stdout + done.stderr)[-500:]}")


def package(artifact: str, version: str, kind: str) -> Path:
    """`GROUP:NAME` in Maven's own store, fetched where it is missing."""
    group, name = artifact.split(":")
    where = Path.home() / ".m2/repository" / group.replace(".", "/") / name / version / f"{name}-{version}.{kind}"
    if not where.exists():
        maven("dependency:get", f"-Dartifact={artifact}:{version}:{kind}", "-Dtransitive=false")
    return where
