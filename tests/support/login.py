"""Settings of a login, and people of each role, for tests."""

from typing import Any, Final

AUTH: Final = {
    "redirect_uri": "https://fer.example.org/oauth2callback",
    "cookie_secret": "c" * 32,
    "client_id": "fer",
    "client_secret": "s",
    "server_metadata_url": "https://id.example.org/.well-known/openid-configuration",
}
ACCESS: Final = {
    "admins": ["admin@example.org"],
    "trainers": ["trainer@example.org"],
    "viewers": ["*@example.org"],
}


def _claims(name: str, domain: str) -> dict[str, Any]:
    return {"iss": "https://id.example.org", "sub": f"id-of-{name}", "email": f"{name}@{domain}"}


VIEWER, TRAINER, ADMIN = (_claims(name, "example.org") for name in ("viewer", "trainer", "admin"))
STRANGER: Final = _claims("stranger", "example.com")


def variables(issuer: str) -> dict[str, str]:
    """Return the environment of an app on this machine whose people log in at a provider."""
    return {
        "FER_OIDC_METADATA_URL": f"{issuer}/.well-known/openid-configuration",
        "FER_OIDC_CLIENT_ID": "fer",
        "FER_OIDC_CLIENT_SECRET": "secret",
        "FER_COOKIE_SECRET": "c" * 32,
        # Streamlit fills in the port.
        "FER_PUBLIC_URL": "http://127.0.0.1:{port}",
        **{f"FER_{name.upper()}": ",".join(people) for name, people in ACCESS.items()},
    }
