"""Show long lists a page at a time."""

import streamlit as st


def page_of(n_items: int, a_page: int, key: str) -> slice:
    """Draw the page numbers where there is more than one page, and return the items of the chosen page.

    Args:
        n_items: items in all.
        a_page: most items on a page.
        key: the widget's key, which must change with the list.
    """
    n_pages = -(-n_items // a_page)
    page = st.pagination(n_pages, key=key) if n_pages > 1 else 1
    return slice((page - 1) * a_page, min(page * a_page, n_items))
