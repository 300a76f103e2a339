"""Sign-in by identity providers: OpenID Connect, and OAuth 2 at GitHub.

django-allauth goes to the provider and back: the address to go to, the state in the session, PKCE,
the exchange of the code. Everything else is decided here: what an id_token must hold, and whose
account it speaks of. allauth signs nobody in, makes no users and stores nothing.
"""
