"""Import models from elsewhere, use them, delete them."""

import streamlit as st

from fer.errors import FerError
from fer.recognition.bundle import BUNDLE_FILE
from fer.recognition.current import current_bundle_path
from fer.runs import importing
from fer.runs.importing import MAX_ONNX_BYTES
from fer.text import MB, literal
from fer.ui.access import gate
from fer.ui.messages import show_error
from fer.ui.received import open_upload
from fer.ui.training.notices import MODELS, notices, notify
from fer.ui.training.use import Usable, question, use_button
from fer.ui.widgets import guarded_button


def imported_models() -> None:
    """Draw the list of imported models and the form to import one."""
    with st.expander("Imported models", icon=":material/move_to_inbox:", key="training_elsewhere"):
        notices(MODELS)
        _list()
        st.markdown(
            f"Import a model that someone else trained: its ONNX file and its `{BUNDLE_FILE}`. Both are checked and "
            "tested before you can use the model. Keras files aren't accepted, because they can contain code."
        )
        uploaded = st.file_uploader(
            "Model files",
            type=["onnx", "json"],
            accept_multiple_files=True,
            max_upload_size=MAX_ONNX_BYTES // MB,
            key=f"training_import_{st.session_state.get('training_import_round', 0)}",
        )
        name = st.text_input("Model name", key="training_import_name", max_chars=60, placeholder="from-the-lab")
        if st.button("Validate and import", icon=":material/fact_check:", key="training_import", disabled=not uploaded):
            by_suffix = {file.name.rpartition(".")[2].lower(): file for file in uploaded}
            if set(by_suffix) != {"onnx", "json"} or len(uploaded) != 2:
                show_error(f"Choose two files: the ONNX model and its {BUNDLE_FILE}.")
                return
            onnx, description = by_suffix["onnx"], by_suffix["json"]
            try:
                with st.spinner("Checking the model and testing it on a few faces ...", show_time=True):
                    model = importing.import_model(
                        open_upload(onnx).read(), open_upload(description).read(), name or onnx.name[:-5]
                    )
                    gate.record("imported", "model", model.name)
            except FerError as error:
                show_error(error)
                return
            # A new key empties the uploader.
            st.session_state["training_import_round"] = st.session_state.get("training_import_round", 0) + 1
            notify(f"'{literal(model.name)}' passed every check. You can use it now.", MODELS)
            st.rerun()


def _list() -> None:
    in_use = current_bundle_path()
    for model in importing.list_imported():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{model.name}**" + (", in use" if model.path.resolve() == in_use.resolve() else ""))
            use_button(Usable.of_imported(model), "Use", primary=False)
            guarded_button(
                "Delete",
                ("deleted", "model", model.name),
                key=f"training_import_delete_{model.name}",
                on_click=_delete,
                args=(model.name,),
            )
        question(Usable.of_imported(model))


def _delete(name: str) -> None:
    try:
        with gate.action("deleted", "model", name):
            importing.delete_imported(name)
        notify(f"'{name}' was deleted.", MODELS)
    except FerError as error:
        notify(literal(str(error)), MODELS, error=True)
