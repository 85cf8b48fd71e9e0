"""Home: what this is, what is loaded and in what state, and where to go."""

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
        "Finds the faces in photos and in your camera's picture and says what expression each shows: angry, disgust, "
        "fear, happy, sad, surprise or neutral. It runs on this machine and learns on FER-2013.",
    )
    home.cards([home.model_card, overview.card, progress.card, card.card])
    home.ways()
    home.what_it_can_tell()
