"""How a run ends, and what it says then."""

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


def test_a_run_that_comes_to_its_end_has_finished(folder):
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
def test_a_failure_is_one_sentence_and_the_log_has_the_rest(folder, error, sentence):
    with pytest.raises(FerError, match=sentence), session.running(folder):
        raise error
    run = store.read_run(folder.name)
    assert run.state == "failed"
    assert store.read_log_tail(folder.name).count("failed: ") == 1
    assert ("Traceback" in store.read_log_tail(folder.name, 100)) == (not isinstance(error, FerError))
    assert "Traceback" not in run.progress.message
    assert not list(folder.glob(".*"))


def test_on_a_disk_that_is_full_to_the_last_byte_it_still_says_why(folder, monkeypatch):
    """Writing works again only once the reserve is gone, as it would on such a disk."""
    real = files.write_text

    def full(path, text, *, durable=False):
        if (folder / ".reserve").exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, text, durable=durable)

    with pytest.raises(FerError, match="The disk is full"), session.running(folder) as run:
        monkeypatch.setattr(files, "write_text", full)
        run.update(now=True, epoch=1)
    assert state(folder) == "failed"


def test_a_stop_by_file_or_signal_is_seen_and_no_failure(folder):
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


def test_a_training_that_diverged_is_over_for_good_and_another_failure_is_not(folder):
    for error, resumable in ((MemoryError(), True), (DivergedError("no numbers; choose a lower rate."), False)):
        with pytest.raises(FerError), session.running(folder):
            raise error
        assert store.read_run(folder.name).resumable == resumable


def test_a_resumed_run_waits_behind_those_that_wait_already(folder):
    before = time.time()
    first = store.read_run(folder.name)
    with session.running(folder) as run:
        assert run.progress.turn == first.progress.started, "a new run has the place of when it was made"
    with session.running(folder) as run:
        assert run.progress.turn >= before
        assert run.progress.started == first.progress.started


def test_progress_is_written_at_most_every_second_and_whole(folder):
    with session.running(folder) as run:
        inode = (folder / layout.PROGRESS).stat().st_ino
        for batch in range(200):
            run.update(batch=batch)
        assert run.progress.batch == 199
        assert (folder / layout.PROGRESS).stat().st_ino == inode
        run.update(now=True)
        assert store.Progress.read(folder).batch == 199


def test_a_message_of_an_earlier_failure_does_not_stay(folder):
    with pytest.raises(FerError), session.running(folder):
        raise MemoryError
    with session.running(folder):
        pass
    assert store.read_run(folder.name).progress.message is None
