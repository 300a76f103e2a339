"""Sign-in by a directory: LDAP and Active Directory.

`section` holds the settings, `authentication.authenticate` proves who somebody is, `services` ties
the entry of the directory to a user. The connection is opened by `restai_site.lib.egress`, verified
by Python's ssl, and handed to libldap, which itself neither resolves nor connects.

python-ldap is compiled where the platform is installed. Without it the settings can be read but not
switched on, so only `connection` and `backend` import it.
"""
