"""Home: where to start, and the state of model, data, training and evaluation."""

from streamlit.starlette import App

from fer.ui.hosts import own_pages_only, server_life

if __name__ != "__main__":
    # `streamlit run app.py` imports this file for its server, and then runs it as a script for each visitor.
    app = App(__file__, middleware=[own_pages_only()], lifespan=server_life)
else:
    from fer.ui import home
    from fer.ui.data import overview
    from fer.ui.evaluation import card
    from fer.ui.frame import PRODUCT, page_frame
    from fer.ui.training import progress

    page_frame(
        PRODUCT,
        ":material/mood:",
        "See which expression each face shows in photos or in your camera's picture: angry, disgust, fear, happy, sad, "
        "surprise or neutral. Everything runs on this machine.",
    )
    home.start()
    home.cards([home.model_card, overview.card, progress.card, card.card])
    home.what_it_can_tell()
