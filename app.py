"""Home: where to start, and the state of model, data, training and evaluation."""

import os

from streamlit.starlette import App

from fer.ui.access.settings import secrets_from_environment
from fer.ui.batch.files import batch_files
from fer.ui.draining import leaving
from fer.ui.exposure import exposure
from fer.ui.hosts import own_pages_only, server_life
from fer.ui.rates import rate_limits
from fer.ui.video.files import result_files

if __name__ != "__main__":
    # `streamlit run app.py` imports this file for its server, and then runs it as a script for each visitor.
    app = App(
        __file__,
        middleware=[own_pages_only(), exposure(), rate_limits(), leaving()],
        routes=[result_files(), batch_files()],
        lifespan=server_life,
        secrets=secrets_from_environment(os.environ),
    )
else:
    from fer.ui import home
    from fer.ui.access.gate import warn_if_open
    from fer.ui.data import overview
    from fer.ui.evaluation import card
    from fer.ui.frame import PRODUCT, may_open, page_frame
    from fer.ui.training import progress

    page_frame(
        PRODUCT,
        ":material/mood:",
        "See which expression each face shows in photos, in videos and in your camera's picture: angry, disgust, fear, "
        "happy, sad, surprise or neutral. Everything runs on this machine.",
    )
    warn_if_open()
    home.start()
    home.cards([home.model_card, *([overview.card, progress.card, card.card] if may_open("Training") else [])])
    home.what_it_can_tell()
