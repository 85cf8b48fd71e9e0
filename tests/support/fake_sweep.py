"""Act as the process of a sweep whose trainings train nothing; `... FOLDER`."""

from fer.sweeps.worker import main
from tests.support.fake_training import install

if __name__ == "__main__":
    install()
    main()
