"""The pages a person sees in a browser: rendered here, over the same services as REST.

A page is a row (`page.py`): method, path, who may, and what answers. `door.py` does for all of them what
`http/dispatch.py` does for REST: it recognises the session, refuses forged forms, asks whether the caller may, and
turns every error into a page. `rendering.py` turns a template and its values into an answer.

No page needs JavaScript. Where a browser has it, htmx asks for fragments of the same pages and `pages.js` adds what
HTML cannot say; both come from here, and the content security policy lets nothing else run.
"""
