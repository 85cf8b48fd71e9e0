"""Widgets that several pages have, on a page of their own."""

from streamlit.testing.v1 import AppTest

from tests.support.login import ACCESS, ADMIN, AUTH, TRAINER


def _page() -> None:
    import streamlit as st

    from fer.ui.widgets import guarded_button, icon_choice

    st.text(icon_choice("From", {"Disk": ":material/save:", "Camera": ":material/camera:"}, key="source"))
    busy = "Wait." if st.session_state.get("busy") else None
    guarded_button("Delete", ("deleted", "run", "a"), not_now=busy, help="Deletes it.", key="delete")


def open_as(claims: dict[str, str]) -> AppTest:
    app = AppTest.from_function(_page)
    app.secrets = {"auth": AUTH, "access": ACCESS}
    app.user = {"is_logged_in": True, **claims}
    return app.run()


def test_the_first_option_is_chosen_and_each_has_its_icon() -> None:
    app = open_as(ADMIN)
    assert app.text[0].value == "Disk"
    options = app.segmented_control[0].proto.options
    assert [(option.content_icon, option.content) for option in options] == [
        (":material/save:", "Disk"),
        (":material/camera:", "Camera"),
    ]


def test_a_button_says_why_it_is_disabled() -> None:
    allowed, refused = open_as(ADMIN).button[0], open_as(TRAINER).button[0]
    assert not allowed.disabled and allowed.help == "Deletes it."
    assert refused.disabled and refused.help == "Only an admin, or the person who made it, can delete this."


def test_nobody_can_press_a_button_whose_time_has_not_come() -> None:
    app = open_as(ADMIN)
    app.session_state["busy"] = True
    button = app.run().button[0]
    assert button.disabled and button.help == "Wait."
