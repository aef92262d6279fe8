"""Does `robustness frontend fit` find settings that are drawn at random, and how long does it take?

Settings are drawn from the values that libraries have; the clip is one of the recordings of the repository. Found is a front-end whose
features differ from those given by no more than rounding. Seconds are of the processor, as a quiet machine would take.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
import torch

from robustness.frontends.base import FRONTENDS, Frontend
from robustness.frontends.fit import SECONDS, Fit, fit

ROOT: Final = Path(__file__).resolve().parent.parent
RECORDING: Final = ROOT / "recordings" / "joe" / "synthetic_joe_piper_clean_five_1.wav"
RATE_HZ: Final = 16_000
FRAMINGS: Final = (
    {"center": True, "window_at": "center"},
    {"center": False, "window_at": "start"},
    {"center": False, "window_at": "start", "partial": "zeros"},
)
KINDS: Final = ("log-mel", "log-mel", "log-mel", "mfcc", "mfcc", "spectrogram")


def drawn(seed: int) -> Frontend:
    """A front-end with settings drawn at random."""
    rng = np.random.default_rng(seed)

    def one(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    kind = one(*KINDS)
    window = one(256, 320, 400, 480, 512, 640)
    n_fft = max(one(256, 512, 1024), 1 << (window - 1).bit_length()) if rng.random() < 0.5 else window
    settings: dict[str, Any] = {"rate_hz": RATE_HZ, "window_samples": window, "n_fft": n_fft, "hop_samples": one(128, 160, 200, 256, 320)}
    settings |= one(*FRAMINGS)
    settings |= {"padding": one("reflect", "zeros"), "window": one("hann", "hann", "hamming", "povey"), "window_periodic": one(True, False)}
    settings |= {"samples": one("full-scale", "full-scale", "int16", "peak", "maximum"), "power": one(1.0, 2.0)}
    settings |= {"pre_emphasis": one(0.0, 0.0, 0.0, 0.95, 0.97), "top_db": one(None, None, 80.0)}
    settings |= {"log": one("dB", "ln", "log10", "ln"), "floor": one(1e-10, 1e-6, 1e-5, 1e-12), "floor_kind": one("clamp", "add")}
    if kind == "spectrogram":
        settings["bins"] = one(n_fft // 2 + 1, min(128, n_fft // 2))
    else:
        mels = one(23, 26, 32, 40, 64, 80)
        settings |= {"n_mels": mels, "mel_scale": one("htk", "slaney"), "mel_norm": one("none", "slaney"), "mel_shape": one("hz", "mel")}
        settings |= {"f_min_hz": one(0.0, 20.0, 60.0, 80.0, 125.0), "f_max_hz": one(None, None, 4000.0, 7600.0, 3800.0)}
    if kind == "mfcc":
        settings |= {"n_mfcc": one(10, 13, 20), "dct_norm": one("ortho", "tf", "none"), "lifter": one(0.0, 0.0, 22.0)}
    if settings["top_db"] is not None and settings["log"] != "dB":
        settings["top_db"] = None
    made: Any = FRONTENDS[kind]
    found: Frontend = made(**settings)
    return found


def searched(frontend: Frontend, seconds: float) -> tuple[Fit, float]:
    """What is found of a front-end's features, and in how many seconds of processor time."""
    samples = soundfile.read(RECORDING, dtype="float32")[0]
    features = frontend.features(torch.from_numpy(samples)[None])[0, 0].numpy()
    start = time.thread_time()
    found = fit(samples, RATE_HZ, features, seconds=seconds)
    return found, time.thread_time() - start


def main() -> int:
    """Prints a line for each draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    hits = 0
    with torch.inference_mode():
        for seed in range(chosen.first, chosen.first + chosen.draws):
            truth = drawn(seed)
            found, seconds = searched(truth, chosen.seconds)
            hits += found.exact
            print(f"{seed:3d} {'found' if found.exact else 'MISSED'} {found.error:.1e} {seconds:5.1f} s {found.tried} tried", flush=True)
            if not found.exact:
                print(f"    drawn {truth}\n    found {found.frontend}", flush=True)
    print(f"{hits} of {chosen.draws} found")
    return 0 if hits == chosen.draws else 1


if __name__ == "__main__":
    sys.exit(main())
