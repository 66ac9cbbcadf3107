"""The one row of signing in by browser: everything else of it is pages."""

from __future__ import annotations

from wheelyard.control.operation import ADMIN, Operation
from wheelyard.control.sign_in import wire
from wheelyard.control.sign_in.service import SignIn

__all__ = ["OPERATIONS"]

OPERATIONS = (
    Operation(
        "POST",
        "/api/2.0/wheelyard/sign-in-links",
        wire.CreateSignInLink,
        wire.SignInLink,
        SignIn.create_link,
        needs=ADMIN,
    ),
)
