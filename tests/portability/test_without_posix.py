"""Everything works without what Windows and macOS lack: fcntl, fork, process groups, SIGKILL, /proc and more."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.clips import HEIGHT, WIDTH, Clip
from tests.support.pictures import PICTURES
from tests.support.without_posix import run_without_posix


def test_the_process_really_lacks_posix(fer_home: Path) -> None:
    """All other tests here rely on this."""
    run_without_posix(
        """
        import os, signal, subprocess, sys
        from pathlib import Path

        def lacks(action, error):
            try:
                action()
            except error:
                return True
            return False

        for name in ("fcntl", "resource"):
            assert lacks(lambda: __import__(name, {"__name__": "fer.x"}), ImportError), name
        for name in ("killpg", "nice", "fork", "setsid", "getpgid", "link"):
            assert not hasattr(os, name), name
        assert not hasattr(signal, "SIGKILL") and not hasattr(signal, "SIGHUP")
        assert lacks(lambda: open("/proc/cpuinfo"), FileNotFoundError)
        assert lacks(lambda: Path("/proc/self/stat").read_text(), FileNotFoundError)
        assert not Path("/proc").exists()
        code = "import os, sys; sys.exit(hasattr(os, 'killpg'))"
        assert subprocess.run([sys.executable, "-c", code]).returncode == 0, "a child lacks it too"
        """,
        fer_home,
    )


_IMPORT_ALL = """
    import importlib, pkgutil
    import fer

    names = [found.name for found in pkgutil.walk_packages(fer.__path__, "fer.") if found.name != "fer.__main__"]
    training = [name for name in names if name.startswith("fer.training")]
    for name in TRAINING:
        importlib.import_module(name)
    print(len(names), len(training))
    """


def test_every_module_is_imported(fer_home: Path) -> None:
    code = _IMPORT_ALL.replace("TRAINING", "[name for name in names if name not in training]")
    n_modules, n_training = map(int, run_without_posix(code, fer_home).split())
    assert n_modules - n_training > 100


@pytest.mark.training
def test_every_training_module_is_imported(fer_home: Path) -> None:
    _, n_training = map(int, run_without_posix(_IMPORT_ALL.replace("TRAINING", "training"), fer_home).split())
    assert n_training > 15


def test_every_page_opens(fer_home: Path) -> None:
    opened = run_without_posix(
        """
        from streamlit.testing.v1 import AppTest
        from fer.ui.frame import MENU

        app = AppTest.from_file("app.py", default_timeout=120).run()
        assert not app.exception, app.exception
        for entry in MENU:
            if entry.exists and entry.path != "app.py":
                app.switch_page(entry.path).run()
                assert not app.exception, (entry.path, app.exception)
                assert not app.error, (entry.path, [error.value for error in app.error])
                print(entry.path)
        """,
        fer_home,
    )
    assert len(opened.split()) >= 5


def test_data_are_imported_and_removed(fer_home: Path) -> None:
    run_without_posix(
        """
        from pathlib import Path
        from fer.datasets.store import staging
        from fer.paths import data_dir

        target = data_dir() / "faces"
        with staging.staged(target) as folder:
            (folder / "images.npy").write_bytes(b"1")
            assert staging.clean_staging() == 0, "it is in use"
        assert (target / "images.npy").read_bytes() == b"1"
        staging.remove(target)
        assert not target.exists() and list((data_dir() / ".staging").iterdir()) == []
        (data_dir() / ".staging" / "abandoned").mkdir()
        assert staging.clean_staging() == 1
        """,
        fer_home,
    )


def test_a_heic_and_a_video_are_decoded_by_their_children(fer_home: Path, tmp_path: Path) -> None:
    clip = Clip().write(tmp_path / "clip.mp4", [np.full((HEIGHT, WIDTH, 3), 128, np.uint8)] * 3)
    run_without_posix(
        f"""
        from pathlib import Path
        from fer.video.reader import VideoReader
        from fer.video.wire import Request
        from fer.vision.images import decode

        assert decode(Path({str(PICTURES / "portrait.heic")!r}).read_bytes()).shape[2] == 3
        with VideoReader(Request({str(clip)!r})) as reader:
            assert [frame.number for frame in reader.frames()] == [0, 1, 2]
        """,
        fer_home,
    )


def test_a_run_is_started_stopped_resumed_and_force_stopped(fer_home: Path) -> None:
    run_without_posix(
        """
        from fer.runs import control, store
        from fer.runs.config import TrainConfig
        from tests.support.run_folders import FAKE_RUN, wait_until

        control.train_command = lambda config, run_id=None: [*FAKE_RUN, run_id]
        control.resume_command = lambda run_id: [*FAKE_RUN, run_id]
        run_id = control.start(TrainConfig(), "mine")
        wait_until(lambda: store.read_run(run_id).progress.batch > 0)
        assert control.stop(run_id)
        wait_until(lambda: store.read_run(run_id).state == "stopped")
        control.resume_command = lambda run_id: [*FAKE_RUN, run_id, "deaf", "child"]
        control.resume(run_id)
        wait_until(lambda: store.read_run(run_id).progress.doing == "training")
        assert control.stop(run_id), "asked"
        assert not control.stop(run_id), "ended"
        run = store.read_run(run_id)
        assert run.state == "stopped" and run.resumable, run
        control.delete(run_id)
        assert store.list_runs() == []
        """,
        fer_home,
    )


@pytest.mark.training
@pytest.mark.timeout(400)
def test_a_network_is_trained_stopped_resumed_and_used(fer_home: Path) -> None:
    run_without_posix(
        """
        import dataclasses, sys
        from fer.runs import control, layout, serving, store
        from fer.runs.config import TrainConfig
        from tests.support.run_folders import wait_until

        TINY = [sys.executable, "-m", "tests.support.tiny_run"]
        real = control.train_command
        control.train_command = lambda *arguments: [*TINY, *real(*arguments)[3:]]
        control.resume_command = lambda run_id: [*TINY, "runs", "resume", run_id]
        config = TrainConfig(fraction=0.1, batch_size=10, epochs=500, weight_averaging=0)
        run_id = control.start(config)
        wait_until(lambda: store.read_run(run_id).progress.epoch >= 1, 150)
        assert control.stop(run_id)
        wait_until(lambda: not store.read_run(run_id).active, 100)
        run = store.read_run(run_id)
        assert (run.state, run.has_bundle) == ("stopped", True), store.read_log_tail(run_id)
        done = run.progress.epoch
        (run.folder / layout.CONFIG).write_text(dataclasses.replace(config, epochs=done + 1).to_json())
        control.resume(run_id)
        wait_until(lambda: not store.read_run(run_id).active, 150)
        run = store.read_run(run_id)
        assert (run.state, run.progress.epoch) == ("finished", done + 1), store.read_log_tail(run_id)
        serving.use_run(run_id)
        assert serving.run_in_use() == run_id
        """,
        fer_home,
        seconds=390,
    )


def test_an_evaluation_runs_in_its_own_process(fer_home: Path) -> None:
    accuracy = run_without_posix(
        """
        from fer.evaluation import keys, store
        from fer.evaluation.evaluation_set import Source
        from fer.evaluation.job import Job, Request
        from fer.paths import data_dir
        from tests.support.builders import make_bundle
        from tests.support.evaluations import grey_faces
        from tests.support.forms import image_files, write_files
        from tests.support.run_folders import wait_until

        bundle = make_bundle(data_dir() / "bundle")
        source = Source(str(write_files(data_dir() / "faces", image_files(grey_faces(wrong=7)))))
        choice = keys.choice_key(source)
        job = Job.of([bundle.hash], choice)
        job.start(Request((str(bundle.path),), source))
        wait_until(lambda: job.progress().state != "running", 120)
        assert job.progress().state == "done", (job.progress(), (job.folder / "log.txt").read_text())
        result = store.load_result(bundle.hash, store.find_evaluation_set(choice))
        print(result.metrics.accuracy)
        job.start(Request((str(bundle.path),), source, robustness=True))
        job.stop()
        assert job.progress().state in ("stopped", "done")
        """,
        fer_home,
    )
    assert 0.5 < float(accuracy) < 1
