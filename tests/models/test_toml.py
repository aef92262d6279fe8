"""What is written is what is read."""

from __future__ import annotations

import tomllib

import pytest

from robustness.models.toml import to_toml


@pytest.mark.parametrize(
    "content",
    [
        {"name": 'a "quoted" \\ name\n', "numbers": [1, -2.5, 1e-9], "flag": True},
        {"a": {"b": {"c": 1, "d": {"e": "ü", "f.g": 2}}}, "z": 3},
        {"weights": {"file": "a.pt"}, "empty": {}, "list": ("x", "y")},
        {"wide": {"inner": {str(number): number for number in range(9)}}},
    ],
)
def test_tables_come_back(content: dict[str, object]) -> None:
    as_lists = {key: list(value) if isinstance(value, tuple) else value for key, value in content.items()}
    assert tomllib.loads(to_toml(content)) == as_lists
