"""Do the examples of ops/ say what the command line takes, as far as they can run here?"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from robustness.cli.main import app


def lines_of(root: Path, tmp_path: Path, **environment: str) -> list[list[str]]:
    """What ops/slurm.sh would run on a machine without SLURM."""
    given = {"CARD": "models/digits.toml", "RECORDINGS": "recordings/joe", "OUT": str(tmp_path / "run"), "ROBUSTNESS": "echo"}
    done = subprocess.run(
        ["/bin/bash", root / "ops" / "slurm.sh"],
        env={**given, **environment, "PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=True,
    )
    return [shlex.split(line) for line in done.stdout.splitlines()]


def test_the_array_runs_every_shard_and_then_merges_explains_and_judges(root: Path, tmp_path: Path) -> None:
    lines = lines_of(root, tmp_path, SHARDS="3", RULES="gates.toml", OPTIONS="--preset standard")
    assert [line[0] for line in lines] == ["sweep", "sweep", "sweep", "merge", "report", "gate"]
    assert [line[2] for line in lines[:3]] == ["1/3", "2/3", "3/3"]
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name, *options in lines:
        assert commands[name].make_context(name, options) is not None  # refuses what it does not know


def test_a_variable_that_is_missing_is_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        lines_of(root, tmp_path, CARD="")
    assert "CARD: a model card" in caught.value.stderr


def test_the_cluster_has_one_kind_of_worker_and_a_head_that_computes_nothing(root: Path) -> None:
    cluster = yaml.safe_load((root / "ops" / "ray-cluster.yaml").read_text(encoding="utf-8"))
    kinds = cluster["available_node_types"]
    assert cluster["head_node_type"] in kinds
    assert [kind["resources"]["CPU"] > 0 for kind in kinds.values()] == [False, True]
    assert f"--num-cpus={kinds['worker']['resources']['CPU']}" in cluster["worker_start_ray_commands"][-1]
