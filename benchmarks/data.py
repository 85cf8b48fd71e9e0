"""Measure time and memory of importing and examining data: `python -m benchmarks.data` prints a table.

Each task runs in its own process, so that peak memory is its own. By default the data are generated: a table of
35,887 rows like FER-2013's, and 32,298 synthetic faces for the doctor. `--data PATH` measures FER-2013 itself. The exit
code is 1 if a limit is exceeded.
"""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from fer.arrays import SIDE
from fer.datasets.faces import FaceDataset
from fer.datasets.synthetic import make_synthetic
from fer.text import MB

N_ROWS: Final = 35_887
N_EXAMINED: Final = 32_298
_USAGES: Final = ((28_709, "Training"), (3_589, "PublicTest"), (3_589, "PrivateTest"))
_IMPORT: Final = (
    "from pathlib import Path; from fer.datasets.store.importing import import_path; "
    "import_path(Path(sys.argv[1]), name='{name}')"
)
_EXPORT: Final = """
import sys
from pathlib import Path
from fer.datasets.readers.sources import read_path
from fer.datasets.store.exporting import export

export(read_path(Path(sys.argv[1])), "parquet", Path(sys.argv[2]))
"""


@dataclass(frozen=True)
class Task:
    """A task: its code, which gets the path in `sys.argv[1]`, its limits, and the form of the file at the path."""

    what: str
    code: str
    seconds: float
    mb: float
    form: str = "csv"


TASKS: Final = (
    Task(
        "load the table",
        "from fer.datasets.store.loading import load_dataset; load_dataset(sys.argv[1])",
        seconds=15,
        mb=600,
    ),
    Task(
        "import the table",
        _IMPORT.format(name="imported"),
        seconds=25,
        mb=700,
    ),
    Task("import it as tar.gz", _IMPORT.format(name="from-tar"), seconds=25, mb=700, form="tar.gz"),
    Task("import it as parquet", _IMPORT.format(name="from-parquet"), seconds=25, mb=700, form="parquet"),
    Task(
        "the doctor",
        "from fer.datasets.store import catalog; from fer.datasets.doctor.checkup import examine; "
        "examine(catalog.open_dataset(sys.argv[2], in_memory=False).dataset)",
        seconds=60,
        mb=500,
    ),
)


def write_table(path: Path, n_rows: int = N_ROWS) -> None:
    """Write a table of FER-2013's size: synthetic faces with noise."""
    rng = np.random.default_rng(0)
    faces = make_synthetic(700, 0, 0)
    usages = [usage for count, usage in _USAGES for _ in range(count)]
    with path.open("w", encoding="ascii") as file:
        file.write("emotion,pixels,Usage\n")
        for row in track(range(n_rows), "writing a table", console=Console(stderr=True), transient=True):
            place = row % len(faces)
            noise = rng.integers(-6, 7, (SIDE, SIDE))
            image = np.clip(faces.images[place].astype(int) + noise, 0, 255)
            file.write(f"{faces.labels[place]},{' '.join(map(str, image.ravel()))},{usages[row]}\n")


def write_forms(table: Path, folder: Path) -> dict[str, Path]:
    """Write a table as a tar.gz and as parquet, and return the path of each form."""
    forms = {"csv": table, "tar.gz": folder / "packed.tar.gz", "parquet": folder / "packed.parquet"}
    with tarfile.open(forms["tar.gz"], "w:gz", compresslevel=6) as archive:
        archive.add(table, "fer2013/fer2013.csv")
    # In a process of its own: a child's peak memory starts at that of the process that started it.
    subprocess.run([sys.executable, "-c", _EXPORT, str(table), str(forms["parquet"])], check=True)
    return forms


def store_synthetic(name: str, n_images: int = N_EXAMINED) -> None:
    """Store different synthetic faces as a dataset."""
    from fer.datasets.readings import Reading
    from fer.datasets.store.importing import store

    dataset: FaceDataset = make_synthetic(n_images - 7178, 3589, 3589)
    store(Reading(dataset, ("synthetic-faces",) * n_images, form="synthetic-faces"), name, "synthetic-faces")


@dataclass(frozen=True)
class Measured:
    """The time and memory of a task, and its limits."""

    what: str
    seconds: float
    within: float
    mb: float
    below: float

    @property
    def good(self) -> bool:
        """Return whether the limits are met."""
        return self.seconds < self.within and self.mb < self.below


def measure(task: Task, arguments: list[str]) -> Measured:
    """Run a task in a process, and return its time and peak memory."""
    code = f"import sys, resource\n{task.code}\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    seconds = time.perf_counter() - began
    return Measured(task.what, seconds, task.seconds, int(done.stdout) * 1024 / MB, task.mb)


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), help="FER-2013's CSV [default: generated rows]")
@click.option("--json", "as_json", is_flag=True, help="Print an array")
def main(data: Path | None, as_json: bool) -> None:
    """Measure loading, importing and examining."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FER_HOME"] = folder
        table = data or Path(folder) / "fer2013.csv"
        if data is None:
            write_table(table)
            store_synthetic("synthetic-faces")
        forms = write_forms(table, Path(folder))
        # With FER-2013 itself, the doctor examines what the previous task imported.
        results = [measure(task, [str(forms[task.form]), "imported" if data else "synthetic-faces"]) for task in TASKS]
    if as_json:
        click.echo(json.dumps([asdict(row) for row in results], indent=2))
    else:
        Console().print(_table(results))
    if not all(row.good for row in results):
        sys.exit(1)


def _table(results: list[Measured]) -> Table:
    shown = Table("what", "seconds", "within", "peak, MB", "below", "")
    for row in results:
        numbers = (f"{row.seconds:.1f}", f"{row.within:.0f}", f"{row.mb:.0f}", f"{row.below:.0f}")
        shown.add_row(row.what, *numbers, "ok" if row.good else "MISSED")
    return shown


if __name__ == "__main__":
    main()
