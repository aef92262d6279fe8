"""Do imports go one way, and does what only reads a run load no torch?

Both lines are those of the design, with the units of today: a unit is a folder of `robustness/` or a file directly in it, and imports only
units further left on a line that both are on. What judges and draws may import nothing of what measures; sweep and diagnosis may count
with metrics and outcomes.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from robustness.cli.main import APART

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGE: Final = ROOT / "robustness"
FACADE: Final = ("__init__", "__main__")  # the first names what it loads lazily, the second is the command line

Line = tuple[frozenset[str], ...]


def line(text: str) -> Line:
    """`a < b c < d` → ({a}, {b, c}, {d})."""
    return tuple(frozenset(layer.split()) for layer in text.split("<"))


MEASURES: Final = line(
    "errors < registry conditions seeds threads downloads files timing < run < analysis < streaming < audio"
    " < playback perturbations < rendering < frontends < models"
    " < checks training < parity quantization attributions interventions < sweep < explanations audit"
    " < inspector < jobs < cli pytest_plugin"
)
JUDGES: Final = line(
    "errors < registry conditions downloads files < run < analysis < streaming < gates < comparison < report"
    " < inspector < jobs < cli pytest_plugin"
)
PLUGINS: Final = {
    "perturbations": "perturbations",
    "quantization": "quantization/schemes",
    "attributions": "attributions/methods",
    "interventions": "interventions",
    "frontends": "frontends",
    "streaming": "streaming/rules",
    "checks": "checks",
}
TORCH_FREE: Final = frozenset().union(*JUDGES) - {"inspector", "jobs", "cli"}
HEAVY: Final = frozenset({"torch", "torchaudio", "captum"})
ONCE: Final = 40  # lines of a function's body at most
LONGEST_FILE: Final = 400


class Import(NamedTuple):
    file: Path
    line: int
    module: str

    @property
    def importer(self) -> str:
        return self.file.relative_to(PACKAGE).with_suffix("").parts[0]

    @property
    def unit(self) -> str:
        """Which unit of ours is imported, or the package of others."""
        parts = self.module.split(".")
        return parts[1] if parts[0] == "robustness" and len(parts) > 1 else parts[0]

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.module}"


@cache
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def imports() -> Iterator[Import]:
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (Import(path, node.lineno, alias.name) for alias in node.names)
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [alias.name for alias in node.names] if node.module == "robustness" else [""]
                yield from (Import(path, node.lineno, f"{node.module}.{name}".rstrip(".")) for name in names)


def ours() -> list[Import]:
    return [found for found in imports() if found.module.startswith("robustness") and found.importer not in FACADE]


def place(unit: str, on: Line) -> int | None:
    return next((index for index, layer in enumerate(on) if unit in layer), None)


def goes_left(importer: str, imported: str) -> bool:
    if importer == imported:
        return True
    places = ((place(imported, on), place(importer, on)) for on in (MEASURES, JUDGES))
    return any(left is not None and right is not None and left < right for left, right in places)


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("explanations", "sweep", True),
        ("sweep", "explanations", False),
        ("report", "analysis", True),
        ("report", "sweep", False),
        ("perturbations", "quantization", False),
        ("analysis", "audio", False),
    ],
)
def test_the_rule_itself(importer: str, imported: str, allowed: bool) -> None:
    assert goes_left(importer, imported) is allowed


def test_every_unit_has_its_place() -> None:
    units = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in trees()} - set(FACADE)
    assert units - frozenset().union(*MEASURES, *JUDGES) == set(), "give each a place in MEASURES or JUDGES"


def test_imports_go_one_way() -> None:
    assert [str(found) for found in ours() if not goes_left(found.importer, found.unit)] == []


def test_plugins_of_one_folder_know_only_their_base() -> None:
    registered = {f"robustness.{folder.replace('/', '.')}.{name}" for folder in PLUGINS.values() for name in registered_modules(folder)}
    wrong = [
        found
        for found in ours()
        if found.importer in PLUGINS and any(found.module == name or found.module.startswith(f"{name}.") for name in registered)
    ]
    assert [
        str(found) for found in wrong if found.module != f"robustness.{'.'.join(found.file.relative_to(PACKAGE).with_suffix('').parts)}"
    ] == []


def registered_modules(folder: str) -> list[str]:
    """The files of a plug-in folder that register a class."""
    files = [path for path in trees() if path.parent == PACKAGE / folder]
    return [path.stem for path in files if any("register" in ast.unparse(d) for d in decorators(trees()[path]))]


def decorators(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from node.decorator_list


def test_what_reads_a_run_names_no_torch() -> None:
    assert [str(found) for found in imports() if found.importer in TORCH_FREE and found.unit in HEAVY] == []


def test_what_is_imported_is_what_is_required() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = {re.split(r"[^\w-]", text)[0] for text in project["dependencies"]}
    ours_too = {
        "robustness",
        "pytest",
        "onnxruntime",
        "pymicro_features",
        "tflite_micro",
        "ai_edge_litert",
        "onnx",
        "onnxscript",
        "fsspec",
        "ray",
        "av",
        "pyroomacoustics",
        "webrtc_noise_gain",
    }  # pytest imports the plugin; the others are extras
    imported = {found.module.partition(".")[0] for found in imports()} - set(sys.stdlib_module_names) - ours_too
    assert imported - {"pydantic_core"} == required  # that one is a part of pydantic


def test_captum_is_imported_in_attributions_alone() -> None:
    importers = {found.importer for found in imports() if found.unit == "captum"}
    assert importers == {"attributions"}


def test_only_the_command_line_prints() -> None:
    prints = [f"{path.relative_to(ROOT)}:{call.lineno}" for path, call in calls() if path.parent.name != "cli" and speaks(call)]
    assert prints == []


def calls() -> Iterator[tuple[Path, ast.Call]]:
    for path, tree in trees().items():
        yield from ((path, node) for node in ast.walk(tree) if isinstance(node, ast.Call))


def speaks(call: ast.Call) -> bool:
    return ast.unparse(call.func) in {"print", "typer.echo", "typer.secho", "sys.stdout.write", "sys.stderr.write", "Console"}


def test_global_random_state_is_never_touched() -> None:
    found = [(path, call) for path, call in calls() if draws_globally(call) and call not in forked(trees()[path])]
    assert [f"{path.relative_to(ROOT)}:{call.lineno}" for path, call in found] == []


def forked(tree: ast.Module) -> list[ast.AST]:
    """What stands inside `with torch.random.fork_rng(…)`: torch's initial weights take no generator, and this puts the state back."""
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.With)]
    inside = [block for block in blocks if ast.unparse(block.items[0].context_expr).startswith("torch.random.fork_rng(")]
    return [node for block in inside for node in ast.walk(block)]


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("torch.randn(3)", True),
        ("torch.randn(3, generator=rng)", False),
        ("torch.manual_seed(1)", True),
        ("torch.Generator().manual_seed(1)", False),
        ("np.random.rand(3)", True),
        ("np.random.default_rng(1)", False),
        ("random.random()", True),
    ],
)
def test_the_rule_on_randomness_itself(code: str, wrong: bool) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    assert draws_globally(call) is wrong


def draws_globally(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    if name in {f"torch.{kind}" for kind in ("rand", "randn", "randint", "randperm", "normal", "multinomial", "bernoulli")}:
        return not any(keyword.arg == "generator" for keyword in call.keywords)
    if name.startswith("np.random."):
        return name.rpartition(".")[2] not in {"default_rng", "Generator", "SeedSequence", "PCG64"}
    return name == "torch.manual_seed" or name.startswith("random.")


def test_weights_are_loaded_as_weights_only() -> None:
    loads = [call for _, call in calls() if ast.unparse(call.func) == "torch.load"]
    assert loads
    for call in loads:
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert given.get("weights_only") == "True", ast.unparse(call)


def test_functions_and_files_are_short() -> None:
    long = [f"{path.relative_to(ROOT)}: {lines(path)} lines" for path in trees() if lines(path) > LONGEST_FILE]
    for path, tree in trees().items():
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        long += [f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {body(node)} lines" for node in functions if body(node) > ONCE]
    assert long == []


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def body(node: ast.FunctionDef) -> int:
    """Lines of the body without its docstring."""
    first = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (node.end_lineno or 0) - first[0].lineno + 1 if first else 0


def types_of(path: Path) -> Iterator[tuple[str, str]]:
    """The public types of a file with what they are: a class by its place, an alias by what it stands for; plug-ins are no tools."""
    for node in trees()[path].body:
        if isinstance(node, ast.ClassDef) and not any("register" in ast.unparse(d) for d in node.decorator_list):
            yield node.name, str(path.relative_to(ROOT))
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Name) and re.fullmatch(r"[A-Z]\w*[a-z]\w*|T", target.id):
            yield target.id, ast.unparse(node.value).replace("npt.", "")


def test_a_type_has_one_meaning() -> None:
    meanings: dict[str, set[str]] = {}
    for path in trees():
        for name, meaning in types_of(path):
            meanings.setdefault(name, set()).add(meaning)
    assert len(meanings) > 300
    assert {name: found for name, found in meanings.items() if len(found) > 1 and not name.startswith("_")} == {}


def loaded_after(code: str) -> set[str]:
    """Which heavy modules a fresh interpreter has after some code."""
    script = f"import sys\n{code}\nprint('loaded:', *sorted({set(HEAVY)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


def command(*arguments: str) -> str:
    return f"sys.argv = {['robustness', *arguments]!r}\nfrom robustness.cli.main import run\nassert run() == 0"


def test_the_probe_sees_torch() -> None:
    assert "torch" in loaded_after("import robustness.jobs.catalogue")


@pytest.mark.parametrize(
    "code",
    [
        "import robustness",
        "import robustness\nrobustness.Run, robustness.RobustnessError, robustness.write_page",
        command("--help"),
        command("--version"),
        command("report", "--help"),
        command("gate", "--help"),
        command("compare", "--help"),
        "import robustness.pytest_plugin",
        command("check", "--help"),
        command("train", "--help"),
        command("segment", "--help"),
        command("stream", "--help"),
        command("compose", "--help"),
        command("threshold", "--help"),
        command("explain", "--help"),
        command("init", "--help"),
        command("convert", "--help"),
        command("list"),
    ],
)
def test_loads_no_torch(code: str) -> None:
    assert loaded_after(code) == set()


def test_help_names_every_command() -> None:
    commands = sorted(path.stem for path in (PACKAGE / "cli").glob("*.py") if path.stem not in ("__init__", *APART))
    done = subprocess.run([sys.executable, "-m", "robustness", "--help"], capture_output=True, text=True, check=True)
    assert [name for name in commands if f" {name} " not in done.stdout] == []


NAMING: Final = {"run/perturbations.py"}  # reads runs of before, which keep no facts


@cache
def perturbation_names() -> set[str]:
    """As they are registered, but for names that an intervention has too; `add-white-noise` is another thing."""
    return {name.replace("_", "-") for name in {*registered_modules("perturbations")} - {*registered_modules("interventions")}}


@cache
def perturbation_units() -> set[str]:
    """The units of the axes, but for `share`, which is also one of metrics."""
    axes = [call for path, call in calls() if path.parent.name == "perturbations" and ast.unparse(call.func) == "Axis"]
    return {str(call.args[1].value) for call in axes if isinstance(call.args[1], ast.Constant)} - {"share"}


def elsewhere() -> Iterator[tuple[Path, str, ast.Module]]:
    for path, tree in trees().items():
        where = str(path.relative_to(PACKAGE))
        if path.parent.name != "perturbations" and where not in NAMING:
            yield path, where, tree


def test_the_rule_on_perturbations_knows_some() -> None:
    assert perturbation_names() >= {"white-noise", "time-shift"}
    assert perturbation_units() >= {"dB", "ms", "s", "samples"}


def test_no_other_file_names_a_perturbation() -> None:
    found = [
        f"{where}:{node.lineno} {node.value!r}"
        for _, where, tree in elsewhere()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in perturbation_names()
    ]
    assert found == []


def test_no_other_file_imports_a_perturbation() -> None:
    modules = {f"robustness.perturbations.{name}" for name in (*registered_modules("perturbations"), "noise")}
    wrong = [found for found in ours() if found.module in modules and found.importer != "perturbations"]
    assert [str(found) for found in wrong] == []


def test_nobody_asks_for_the_unit_of_a_perturbation() -> None:
    found = [
        f"{where}: {ast.unparse(node)}"
        for _, where, tree in elsewhere()
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and "unit" in ast.unparse(node) and asks_for(node, perturbation_units())
    ]
    assert found == ["report/cards/figures.py: unit == 'dB'"]  # of a picture of features, not of a perturbation


def asks_for(comparison: ast.Compare, values: set[str]) -> bool:
    nodes = [node for side in (comparison.left, *comparison.comparators) for node in ast.walk(side)]
    return any(isinstance(node, ast.Constant) and node.value in values for node in nodes)


def test_recordings_are_placed_in_one_file() -> None:
    called = [(str(path.relative_to(PACKAGE)), call) for path, call in calls() if ast.unparse(call.func) in {"place", "lead_of"}]
    found = {where for where, _ in called if where.partition("/")[0] != "perturbations"}
    assert found == {"rendering.py"}
