"""Act as a run: wait in the queue, report training, and end when asked to; `... ID [child]`."""

import subprocess
import sys
import time

from fer.runs import layout
from fer.runs.session import StopRequested, running


def main(run_id: str, *options: str) -> None:
    try:
        with running(layout.run_folder(run_id)) as session:
            if "child" in options:
                child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
                session.say(f"child {child.pid}")
            if "deaf" in options:
                session.update(now=True, doing="training")
                time.sleep(600)
            for batch in range(100_000):
                session.check_stop()
                session.update(doing="training", epoch=1, batch=batch + 1, batches=100_000)
                time.sleep(0.02)
    except StopRequested:
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
