from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from robustness.audio.recordings import Recording
from robustness.errors import RunError
from robustness.explanations.evidence import CARDS_MADE, OTHERS, write_evidence
from robustness.explanations.explained_parts import ExplainedParts
from robustness.explanations.explained_table import ExplainedRow
from robustness.explanations.lead_maps import leads_between
from robustness.explanations.map_records import rank_correlation
from robustness.models.classifier import Classifier
from tests.explanations.planted import LABELS, classifier, recording, run_of

FLOAT = classifier((35, 700))
INT8 = classifier((35, 700), variant="dynamic-int8")
REGRESSED = {"block-regression/float32", "block-regression/dynamic-int8"}


def evidence(classifiers: Sequence[Classifier], recordings: Sequence[Recording], folder: Path, **options: Any) -> dict[str, Any]:
    run = run_of(classifiers, recordings, folder / "run")
    write_evidence(run, classifiers, recordings, seed=0, **options)
    found: dict[str, Any] = json.loads((run.evidence / "failures.json").read_text())
    return found


def test_card_of_a_failure(tmp_path: Path) -> None:
    found = evidence([FLOAT, INT8], [recording("a.wav")], tmp_path)
    assert (found["total"], found["shown"]) == (1, 1)
    card = found["failures"][0]
    assert (card["id"], card["recording"], card["word"], card["label"], card["speaker"]) == ("yes-start", "a.wav", "yes", "yes", "somebody")
    assert card["condition"] == {"perturbation": "padding-placement", "level": 0.0, "fill": "zeros", "draw": 0, "placement": "start"}
    assert (card["offset_ms"], card["recording_ms"], card["speech_ms"]) == (0.0, [0.0, 400.0], [0.0, 400.0])
    assert (card["window_ms"], card["rate_hz"], card["hop_ms"], card["band_hz"]) == (1000.0, 1000, 1.0, [250.0])
    assert card["target"] == {"label": "yes", "rival": "unknown"}
    assert card["counterpart"] == {"placement": "center", "offset_ms": 300.0, "recording_ms": [300.0, 700.0], "speech_ms": [300.0, 700.0]}
    for variant in ("float32", "dynamic-int8"):
        answer = card["variants"][variant]
        assert (answer["predicted"], answer["wrong"], answer["outcome"]) == ("unknown", True, "missed")
        assert answer["margin"] == pytest.approx(-3.45)
        assert (answer["restored_at_ms"], answer["restored_by_ms"]) == (35.0, 35.0)
        assert answer["searched_ms"] == [0.0, 600.0]
        assert set(answer["probabilities"]) == {"here", "counterpart", "start", "center", "end"}
        assert list(answer["probabilities"]["here"]) == sorted(LABELS)
        assert answer["probabilities"]["here"] == answer["probabilities"]["start"]
        assert sum(answer["probabilities"]["center"].values()) == pytest.approx(1.0)
        assert answer["p_label"] == pytest.approx(answer["probabilities"]["here"]["yes"])
        assert answer["p_predicted"] == pytest.approx(answer["probabilities"]["here"]["unknown"])


def test_maps_and_what_is_said_of_them(tmp_path: Path) -> None:
    card = evidence([FLOAT, INT8], [recording("a.wav")], tmp_path)["failures"][0]
    with np.load(tmp_path / "run" / "evidence" / card["arrays"]) as stored:
        arrays = dict(stored)
    strips = arrays.pop(card["ladder"]["key"])
    difference = arrays.pop("occlusion/dynamic-int8-minus-float32")
    maps = {*REGRESSED, "occlusion/float32", "occlusion/dynamic-int8", "integrated-gradients/float32"}
    marginals = {name: arrays.pop(name) for name in list(arrays) if name.startswith(("time/", "bands/"))}
    assert set(arrays) == {"log_mel", "log_mel_counterpart", *maps}
    assert set(marginals) == {f"{kind}/{key}" for kind in ("time", "bands") for key in (*maps, "occlusion/dynamic-int8-minus-float32")}
    assert {name.partition("/")[0]: len(array) for name, array in marginals.items()} == {"time": 1000, "bands": 1}
    assert all(array.shape == (1, 1000) and array.dtype == np.float32 for array in [*arrays.values(), difference])
    assert strips.shape == (len(card["ladder"]["leads_ms"]), 1000)
    assert not difference.any()
    np.testing.assert_array_equal(arrays["log_mel"][0, :300] + arrays["log_mel"][0, 400:700], arrays["log_mel_counterpart"][0, 300:600])
    np.testing.assert_array_equal(arrays["occlusion/float32"], arrays["occlusion/dynamic-int8"])
    blocks, occlusion, gradients = card["methods"]
    assert (blocks["name"], blocks["variants"], blocks["passes"]) == ("block-regression", ["float32", "dynamic-int8"], 1002)
    assert 0 < blocks["error"] < blocks["max_abs"]["float32"]
    assert occlusion["error"] is None
    np.testing.assert_array_equal(arrays["block-regression/float32"], arrays["block-regression/dynamic-int8"])  # by the same masks
    assert (occlusion["name"], occlusion["variants"], occlusion["baseline"]) == (
        "occlusion",
        ["float32", "dynamic-int8"],
        "silence in this clip",
    )
    assert occlusion["settings"] == {"bands": 1, "band_stride": 1, "frames": 10, "frame_stride": 5}
    assert occlusion["max_abs"]["float32"] == pytest.approx(float(np.abs(arrays["occlusion/float32"]).max()))
    assert (gradients["name"], gradients["variants"], gradients["within_bound"]) == ("integrated-gradients", ["float32"], True)
    total = float(arrays["integrated-gradients/float32"].sum())
    assert gradients["completeness_gap"] == pytest.approx(total - gradients["score_change"], abs=1e-4)
    same = next(pair for pair in card["correlations"] if pair["a"][1] != pair["b"][1])
    methods = next(pair for pair in card["correlations"] if pair["a"][0] == "occlusion" and pair["b"][0] == "integrated-gradients")
    assert (same["a"], same["b"]) == (["occlusion", "float32"], ["occlusion", "dynamic-int8"])
    assert same["spearman"] == pytest.approx(1.0)
    assert (methods["a"], methods["b"], methods["cells"]) == (["occlusion", "float32"], ["integrated-gradients", "float32"], 400)


def test_what_compares_variants_and_places(tmp_path: Path) -> None:
    louder = classifier((135, 700), variant="dynamic-int8")
    found = evidence([FLOAT, louder], [recording("a.wav"), recording("b.wav", label="no")], tmp_path)
    card = next(card for card in found["failures"] if card["recording"] == "a.wav")
    with np.load(tmp_path / "run" / "evidence" / card["arrays"]) as stored:
        arrays = dict(stored)
    (compared,) = card["differences"]
    assert (compared["of"], compared["against"], compared["method"]) == ("dynamic-int8", "float32", "occlusion")
    np.testing.assert_array_equal(arrays[compared["key"]], arrays["occlusion/dynamic-int8"] - arrays["occlusion/float32"])
    assert compared["floor"] is not None
    assert compared["ceiling"]["spearman"] > 0.9
    segments = card["segments"]
    assert segments["edges_ms"] == [100.0 * i for i in range(11)]
    for variant, values in segments["values"].items():
        assert len(values) == 10
        assert sum(values) == pytest.approx(segments["change"][variant], abs=1e-3)
    donor = card["donor"]
    drop = card["variants"][donor["variant"]]
    assert sum(donor["values"]) == pytest.approx(donor["change"], abs=1e-3)
    assert donor["change"] < drop["margin"] < 0  # at the counterpart the margin is above 0
    assert set(card["trust"]) == {*REGRESSED, "integrated-gradients/float32"}  # occlusion is there to compare variants by
    for box in card["trust"].values():
        assert box["stages"] == []  # this network has no weights


def test_the_ladder_leads_from_the_wrong_place_to_the_nearest_right_one(tmp_path: Path) -> None:
    ladder = evidence([FLOAT], [recording("a.wav")], tmp_path)["failures"][0]["ladder"]
    assert ladder["leads_ms"] == [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0]
    assert ladder["right"] == [False] * 7 + [True]
    assert ladder["margins"] == pytest.approx([(lead - 35 + 0.5) / 10 for lead in ladder["leads_ms"]], abs=1e-3)


@pytest.mark.parametrize(
    ("here_ms", "right_ms", "hop_ms", "expected"),
    [
        (0, 35, 10, [0, 10, 20, 30, 35]),
        (0, 30, 10, [0, 10, 20, 30]),
        (0, 3, 10, [0, 3]),
        (100, 75, 10, [100, 90, 80, 75]),
        (0, 300, 10, [0, 50, 100, 150, 200, 250, 300]),
    ],
)
def test_tried_sizes_are_whole_frames_apart(here_ms: float, right_ms: float, hop_ms: float, expected: list[float]) -> None:
    assert leads_between(here_ms, right_ms, hop_ms) == expected


def test_sounds_are_what_was_heard(tmp_path: Path) -> None:
    card = evidence([FLOAT], [recording("a.wav")], tmp_path)["failures"][0]
    folder = tmp_path / "run" / "evidence"
    assert soundfile.info(folder / card["sound"]).subtype == "PCM_16"
    here, rate_hz = soundfile.read(folder / card["sound"])
    there, _ = soundfile.read(folder / card["counterpart_sound"])
    assert (rate_hz, len(here), len(there)) == (1000, 1000, 1000)
    np.testing.assert_allclose(abs(here[:400]), 0.25, atol=1e-4)
    np.testing.assert_allclose(abs(there[300:700]), 0.25, atol=1e-4)
    assert np.count_nonzero(here) == np.count_nonzero(there) == 400


def test_no_audio_leaves_no_voice(tmp_path: Path) -> None:
    card = evidence([FLOAT], [recording("a.wav")], tmp_path, audio=False)["failures"][0]
    assert (card["sound"], card["counterpart_sound"]) == (None, None)
    assert not list((tmp_path / "run" / "evidence").glob("*.wav"))


def test_same_inputs_same_bytes(tmp_path: Path) -> None:
    recordings = [recording("a.wav"), recording("b.wav")]
    for name in ("one", "two"):
        evidence([FLOAT, INT8], recordings, tmp_path / name)
    one, two = ({file.name: file.read_bytes() for file in (tmp_path / name / "run" / "evidence").iterdir()} for name in ("one", "two"))
    assert len(one) == 2 + 2 * 3
    assert one == two
    with zipfile.ZipFile(tmp_path / "one" / "run" / "evidence" / "yes-start.npz") as arrays:
        assert {entry.date_time for entry in arrays.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_variant_that_is_right_has_nothing_to_restore(tmp_path: Path) -> None:
    right = classifier((-500, 1500), variant="dynamic-int8")
    card = evidence([FLOAT, right], [recording("a.wav")], tmp_path)["failures"][0]
    answer = card["variants"]["dynamic-int8"]
    assert (answer["wrong"], answer["outcome"], answer["restored_at_ms"]) == (False, "right", None)
    assert card["variants"]["float32"]["restored_at_ms"] == 35.0


@pytest.mark.parametrize(
    ("interval_ms", "placement", "counterpart"),
    [((305, 700), "center", ("offset", 305.0)), ((-300, 123), "center", ("offset", 123.0)), ((2000, 3000), "center", None)],
)
def test_counterpart_where_the_reference_is_wrong_too(
    tmp_path: Path, interval_ms: tuple[float, float], placement: str, counterpart: tuple[str, float] | None
) -> None:
    card = evidence([classifier(interval_ms)], [recording("a.wav")], tmp_path)["failures"][0]
    assert card["condition"]["placement"] == placement
    if counterpart is None:
        assert card["counterpart"] is None
        assert card["counterpart_sound"] is None
        assert card["variants"]["float32"]["restored_at_ms"] is None
        assert "counterpart" not in card["variants"]["float32"]["probabilities"]
        return
    assert (card["counterpart"]["placement"], card["counterpart"]["offset_ms"]) == counterpart
    probabilities = card["variants"]["float32"]["probabilities"]["counterpart"]
    assert max(probabilities, key=lambda label: probabilities[label]) == "yes"


def test_every_failing_recording_is_explained_in_a_table(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    four = [recording(f"{n}.wav") for n in range(4)]
    evidence([FLOAT, INT8], four, tmp_path, cards=1, everything=True, progress=lambda *said: told.append(said))
    assert told == [*((CARDS_MADE, done, 1) for done in range(2)), *((OTHERS, done, 3) for done in range(4))]
    table = pd.read_parquet(tmp_path / "run" / "evidence" / "explanations.parquet")
    assert sorted(zip(table["recording"], table["variant"], strict=True)) == [
        (f"{n}.wav", v) for n in range(4) for v in ("dynamic-int8", "float32")
    ]
    assert set(table["kind"]) == {"placement"}
    assert set(table["edit"]) == {"move-word"}
    assert (table["size"] > 0).all()
    assert table["floor_dbfs"].notna().all()
    assert table["middle_ms"].eq(200).all()


def test_worst_first_capped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robustness.explanations.evidence.IN_FULL", 1)
    told: list[tuple[str, int, int]] = []
    found = evidence(
        [FLOAT],
        [recording(f"{n}.wav") for n in range(4)],
        tmp_path,
        cards=2,
        audio=False,
        progress=lambda *said: told.append(said),
    )
    assert (found["total"], found["shown"], len(found["failures"])) == (4, 2, 2)
    assert told == [(CARDS_MADE, done, 2) for done in range(3)]
    first, second = found["failures"]
    assert first["segments"]
    assert (second["segments"], second["donor"]) == (None, None)
    assert set(first["trust"]) == set(second["trust"]) == {"block-regression/float32", "integrated-gradients/float32"}
    assert second["ladder"]


def test_hostile_and_equal_words_get_safe_names_of_their_own(tmp_path: Path) -> None:
    words = ("<script>alert(1)</script>", "../../up", "../../up", "äh, süß", "日本")
    recordings = [recording(f"{n}.wav", label=word) for n, word in enumerate(words)]
    never = classifier((2000, 3000), rival=1)
    found = evidence([never], recordings, tmp_path, audio=False)
    names = [card["id"] for card in found["failures"]]
    assert sorted(names) == ["ah-su-center", "script-alert-1-script-center", "up-center", "up-center-2", "word-center"]
    assert {file.stem for file in (tmp_path / "run" / "evidence").glob("*.npz")} == set(names)
    assert {card["word"] for card in found["failures"]} == set(words)


def test_unknown_word_taken_for_a_command_is_falsely_accepted(tmp_path: Path) -> None:
    card = evidence([classifier((2000, 3000), rival=1)], [recording("a.wav", label="marvin")], tmp_path)["failures"][0]
    assert (card["word"], card["label"], card["target"]) == ("marvin", "unknown", {"label": "unknown", "rival": "no"})
    assert card["variants"]["float32"]["outcome"] == "falsely accepted"


def test_several_models_are_told_apart(tmp_path: Path) -> None:
    models = [classifier((35, 700), name="one"), classifier((101, 700), name="two")]
    card = evidence(models, [recording("a.wav")], tmp_path)["failures"][0]
    assert {name: answer["restored_at_ms"] for name, answer in card["variants"].items()} == {"one · float32": 35.0, "two · float32": 101.0}
    assert [(method["name"], method["variants"]) for method in card["methods"]] == [
        ("block-regression", ["one · float32", "two · float32"]),
        ("occlusion", ["one · float32", "two · float32"]),
        ("integrated-gradients", ["one · float32"]),
        ("integrated-gradients", ["two · float32"]),
    ]


def test_a_word_missed_under_the_threshold_has_a_counterpart_where_it_is_accepted(tmp_path: Path) -> None:
    strict = replace(classifier((-100, 2000)), threshold=0.99999)  # 10 logits at a lead of 0, 40 in the center
    card = evidence([strict], [recording("a.wav")], tmp_path)["failures"][0]
    answer = card["variants"]["float32"]
    assert (card["condition"]["placement"], answer["predicted"], answer["outcome"]) == ("start", "yes", "missed")
    assert (answer["wrong"], answer["restored_at_ms"]) == (True, 15.0)  # the device is silent: it is bad, and searched like any other
    assert card["counterpart"]["placement"] == "center"


def test_without_an_atlas_the_same_leads_are_asked(tmp_path: Path) -> None:
    run = run_of([FLOAT], [recording("a.wav")], tmp_path / "run", perturbations=("padding-placement",))
    write_evidence(run, [FLOAT], [recording("a.wav")], seed=0)
    answer = json.loads((run.evidence / "failures.json").read_text())["failures"][0]["variants"]["float32"]
    assert (answer["wrong"], answer["restored_at_ms"], answer["searched_ms"]) == (True, 35.0, [0.0, 600.0])


def test_an_interrupt_passes_through_and_leaves_whole_files(tmp_path: Path) -> None:
    recordings = [recording("a.wav"), recording("b.wav")]
    run = run_of([FLOAT], recordings, tmp_path / "run")

    def interrupt(doing: str, done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_evidence(run, [FLOAT], recordings, seed=0, progress=interrupt)
    assert {file.name for file in run.evidence.iterdir()} == {"yes-start.npz", "yes-start.wav", "yes-start-counterpart.wav"}


def test_what_was_explained_before_an_interrupt_is_not_explained_again(tmp_path: Path) -> None:
    recordings = [recording(f"{n}.wav") for n in range(5)]
    whole = run_of([FLOAT], recordings, tmp_path / "whole")
    write_evidence(whole, [FLOAT], recordings, seed=0, cards=1, everything=True)
    run, told = run_of([FLOAT], recordings, tmp_path / "run"), list[str]()

    def interrupt(doing: str, done: int, total: int) -> None:
        if (doing, done) == (OTHERS, 3):
            raise KeyboardInterrupt

    kept = ExplainedParts(run.evidence, {"seed": 0})
    with pytest.raises(KeyboardInterrupt):
        write_evidence(run, [FLOAT], recordings, seed=0, cards=1, everything=True, kept=kept, progress=interrupt)
    known = ExplainedParts(run.evidence, {"seed": 0})
    assert [known.of(f"{n}.wav") is not None for n in range(5)] == [False, True, True, True, False]
    assert ExplainedParts(run.evidence, {"seed": 1}).of("1.wav") is None
    twice = ExplainedParts(run.evidence, {"seed": 0})
    twice.add(known.of("1.wav") or [])
    twice.flush()
    assert ExplainedParts(run.evidence, {"seed": 0}).of("1.wav") == known.of("1.wav")

    class Told(ExplainedParts):
        def add(self, rows: Sequence[ExplainedRow]) -> None:
            told.extend(row.recording for row in rows)
            super().add(rows)

    write_evidence(run, [FLOAT], recordings, seed=0, cards=1, everything=True, kept=Told(run.evidence, {"seed": 0}))
    assert told == ["4.wav"]
    first, second = ((one.evidence / "explanations.parquet").read_bytes() for one in (whole, run))
    assert first == second


def test_a_damaged_part_of_what_was_explained_is_named(tmp_path: Path) -> None:
    (tmp_path / "explained").mkdir()
    (tmp_path / "explained" / "0.parquet").write_bytes(b"none")
    with pytest.raises(RunError, match=r"0\.parquet cannot be read.*explained again"):
        ExplainedParts(tmp_path, {})


@pytest.mark.parametrize(
    ("a", "b", "expected"), [([1, 2, 3], [10, 20, 90], 1.0), ([1, 2, 3], [3, 2, 1], -1.0), ([1, 1, 1], [1, 2, 3], None), ([1], [1], None)]
)
def test_spearman(a: list[float], b: list[float], expected: float | None) -> None:
    found = rank_correlation(np.array(a, np.float32), np.array(b, np.float32))
    assert found == (None if expected is None else pytest.approx(expected))
