import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from fer.storage.locks import is_locked

HOLD = "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print(1, flush=True); input()"


def test_a_lock_is_held_until_its_process_ends_in_any_way(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    assert not is_locked(file) and not file.exists()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert is_locked(file)
        holder.kill()
    assert not is_locked(file)


def test_a_look_holds_nothing(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    lock.acquire()
    lock.release()
    assert not is_locked(tmp_path / "lock") and not is_locked(tmp_path / "lock")


def test_two_who_look_do_not_take_each_other_for_the_holder(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    look = "import sys; from pathlib import Path; from fer.storage.locks import is_locked as look; "
    look += "print(sum(look(Path(sys.argv[1])) for _ in range(5_000)))"
    command = [sys.executable, "-c", look, str(tmp_path / "lock")]
    lookers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [looker.communicate()[0].strip() for looker in lookers] == ["0", "0"]
