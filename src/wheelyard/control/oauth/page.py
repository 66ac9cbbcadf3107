"""The page on which a person signs in: one form, no script, nothing loaded from anywhere.

Its policy allows the one style sheet it holds, by hash, and sends the form to the workspace. The client's address is in
`form-action` too, because browsers hold the redirect that answers a form to it.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape

from wheelyard.control.oauth.authorization import Authorization
from wheelyard.control.operation import RawAnswer

__all__ = ["refusal_page", "sign_in_page"]

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #8c959f; --page: #f3f4f6; --card: #fff;
  --accent: #0b57b0; --on-accent: #fff; --wrong: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #a5adb8; --line: #727b86; --page: #14171b;
  --card: #1e2227; --accent: #8ab8f5; --on-accent: #0c1a2c; --wrong: #ffb4ab; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--page);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 27rem; padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .75rem; }
h1 { margin: 0 0 .75rem; font-size: 1.375rem; line-height: 1.25; }
p { margin: 0 0 1rem; overflow-wrap: anywhere; }
.soft { color: var(--soft); font-size: .875rem; }
.wrong { color: var(--wrong); font-weight: 600; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
label { display: block; margin-bottom: .375rem; font-weight: 600; }
input { width: 100%; padding: .625rem .75rem; font: inherit; color: inherit; background: transparent;
  border: 1px solid var(--line); border-radius: .375rem; }
.hint { margin: .375rem 0 1.25rem; }
.last { margin: 1.25rem 0 0; }
.actions { display: flex; gap: 1.25rem; align-items: center; margin: 0; }
button { padding: .625rem 1.25rem; font: inherit; font-weight: 600; color: var(--on-accent); background: var(--accent);
  border: 1px solid var(--accent); border-radius: .375rem; cursor: pointer; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
"""
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()


def sign_in_page(
    request: Authorization, *, wrong: str = "", status: int = 200, retry_after_seconds: int = 0
) -> RawAnswer:
    """Ask for a token; `wrong` says why the last one was not accepted."""
    client, address = escape(request.client_id), escape(request.origin.removeprefix("http://"))
    fields = {
        "response_type": "code",
        "client_id": request.client_id,
        "redirect_uri": request.redirect_uri,
        "state": request.state,
        "scope": request.scope,
        "code_challenge": request.challenge,
        "code_challenge_method": "S256",
    }
    hidden = "\n".join(f'<input type="hidden" name="{name}" value="{escape(text)}">' for name, text in fields.items())
    cancel = escape(request.answer(error="access_denied", error_description="The person did not sign in."))
    alert = f'<p class="wrong" id="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    invalid = ' aria-invalid="true"' if wrong else ""
    longer = (
        "It may do whatever you may, and stays signed in until the token you paste is revoked or expires."
        if request.is_offline
        else "It may do whatever you may, for an hour."
    )
    body = f"""<h1>Sign in to Wheelyard</h1>
<p>A program on this machine that calls itself <strong>{client}</strong> asks to act as you. {longer}</p>
{alert}
<form method="post" action="authorize">
{hidden}
<label for="token">Personal access token</label>
<input id="token" name="token" type="password" required autofocus autocomplete="off" autocapitalize="none"
 spellcheck="false" maxlength="200" aria-describedby="{"wrong hint" if wrong else "hint"}"{invalid}>
<p class="soft hint" id="hint">The program never sees it. <code>databricks tokens create</code> makes one.</p>
<p class="actions"><button type="submit">Sign in</button> <a href="{cancel}">Cancel</a></p>
</form>
<p class="soft last">Afterwards the browser goes to <code>{address}</code>. Close this page if you did not
start this.</p>"""
    retry = {"Retry-After": str(retry_after_seconds)} if retry_after_seconds else {}
    return _page("Sign in to Wheelyard", body, f"'self' {request.origin}", status=status, headers=retry)


def refusal_page(what: str) -> RawAnswer:
    """Tell the person why nobody is signed in, where the client must not be told."""
    body = f"""<h1>This sign-in cannot go on</h1>
<p role="alert">{escape(what)}</p>
<p class="soft">Nobody was signed in. Start again from the program that opened this page.</p>"""
    return _page("This sign-in cannot go on", body, "'none'", status=400, headers={})


def _page(title: str, body: str, form_action: str, *, status: int, headers: dict[str, str]) -> RawAnswer:
    text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {form_action}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return RawAnswer(
        text.encode(),
        "text/html; charset=utf-8",
        {
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "X-Frame-Options": "DENY",
            "Cache-Control": "no-store",
            **headers,
        },
        status,
    )
