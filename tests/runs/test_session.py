"""How a run ends, and its message."""

import errno
import os
import signal
import time

import pytest

from fer.errors import DatasetError, FerError
from fer.runs import layout, session, store
from fer.runs.session import DivergedError, StopRequested
from fer.storage import files


@pytest.fixture
def folder(make_run):
    return layout.run_folder(make_run(state="queued", ended=None))


def state(folder):
    return store.read_run(folder.name).state


def test_a_run_that_completes_has_finished(folder):
    with session.running(folder) as run:
        assert state(folder) == "running"
        run.update(now=True, epoch=2, doing="training")
        run.say("half way")
    ended = store.read_run(folder.name)
    assert (ended.state, ended.progress.epoch, ended.progress.doing) == ("finished", 2, "")
    assert "half way" in store.read_log_tail(folder.name)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (DatasetError("the data are gone; bring them back."), "the data are gone; bring them back."),
        (OSError(errno.ENOSPC, "x"), "The disk is full"),
        (OSError(errno.EFBIG, "x"), "The disk is full"),
        (MemoryError(), "Memory ran out"),
        (type("ResourceExhaustedError", (Exception,), {})(), "Memory ran out"),
        (ValueError("secret"), r"An unexpected error occurred \(ValueError\)"),
    ],
)
def test_a_failure_gives_one_sentence_and_the_log_has_the_details(folder, error, sentence):
    with pytest.raises(FerError, match=sentence), session.running(folder):
        raise error
    run = store.read_run(folder.name)
    assert run.state == "failed"
    assert store.read_log_tail(folder.name).count("failed: ") == 1
    assert ("Traceback" in store.read_log_tail(folder.name, 100)) == (not isinstance(error, FerError))
    assert "Traceback" not in run.progress.message
    assert not list(folder.glob(".*"))


def test_on_a_completely_full_disk_a_run_still_says_why_it_failed(folder, monkeypatch):
    """Writing works again only once the reserve file is deleted, as on such a disk."""
    real = files.write_text

    def full(path, text, *, durable=False):
        if (folder / ".reserve").exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, text, durable=durable)

    with pytest.raises(FerError, match="The disk is full"), session.running(folder) as run:
        monkeypatch.setattr(files, "write_text", full)
        run.update(now=True, epoch=1)
    assert state(folder) == "failed"


def test_a_stop_by_file_or_signal_is_not_a_failure(folder):
    for ask in (lambda: (folder / layout.STOP).touch(), lambda: os.kill(os.getpid(), signal.SIGTERM)):
        with pytest.raises(StopRequested), session.running(folder) as run:
            run.check_stop()
            ask()
            time.sleep(0.05)
            assert run.stop_requested
            run.check_stop()
        assert state(folder) == "stopped"
        assert not (folder / layout.STOP).exists()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_diverged_run_cannot_be_resumed_but_other_failed_runs_can(folder):
    for error, resumable in ((MemoryError(), True), (DivergedError("The loss became NaN; lower the rate."), False)):
        with pytest.raises(FerError), session.running(folder):
            raise error
        assert store.read_run(folder.name).resumable == resumable


def test_a_resumed_run_is_queued_last(folder):
    before = time.time()
    first = store.read_run(folder.name)
    with session.running(folder) as run:
        assert run.progress.turn == first.progress.started, "a new run has the place of when it was made"
    with session.running(folder) as run:
        assert run.progress.turn >= before
        assert run.progress.started == first.progress.started


def test_progress_is_written_atomically_at_most_once_per_second(folder):
    with session.running(folder) as run:
        inode = (folder / layout.PROGRESS).stat().st_ino
        for batch in range(200):
            run.update(batch=batch)
        assert run.progress.batch == 199
        assert (folder / layout.PROGRESS).stat().st_ino == inode
        run.update(now=True)
        assert store.Progress.read(folder).batch == 199


def test_an_earlier_failures_message_is_cleared(folder):
    with pytest.raises(FerError), session.running(folder):
        raise MemoryError
    with session.running(folder):
        pass
    assert store.read_run(folder.name).progress.message is None
