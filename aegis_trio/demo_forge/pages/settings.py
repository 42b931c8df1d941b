"""Settings: the applications that a person authorised, and taking a consent back.

Not here: making tokens and applications on this page (the API makes applications).

Source: gitea routers/web/user/setting/applications.go, oauth2_common.go RevokeGrant.
"""

from __future__ import annotations

from typing import Final

from aegis_trio.demo_forge.answers import Answer
from aegis_trio.demo_forge.pages.browser import Visit, leave_for
from aegis_trio.demo_forge.pages.html import Button, Field, form, paragraph
from aegis_trio.demo_forge.sign_ins import Grant

APPLICATIONS_PATH: Final = "/user/settings/applications"
_NUMBER: Final = 18


def get_applications(visit: Visit) -> Answer:
    """List the grants of who is signed in, with a button for each."""
    account = visit.signed_in()
    grants = [grant for grant in visit.world.sign_ins.grants.values() if grant.account_id == account.id]
    heading = "Authorized OAuth2 Applications" if grants else "You have not authorized any application."
    parts = [paragraph(heading), *(_row(visit, grant) for grant in grants)]
    leave = form("/user/logout", [Field(name="_csrf", value=visit.form_word)], [Button(text="Sign Out", id="sign-out")])
    return visit.page("Applications", *parts, leave)


def _row(visit: Visit, grant: Grant) -> str:
    application = visit.world.sign_ins.applications[grant.application_id]
    action = f"{APPLICATIONS_PATH}/oauth2/{application.id}/revoke/{grant.id}"
    fields = (Field(name="_csrf", value=visit.form_word), Field(name="id", value=str(grant.id)))
    revoke = form(action, fields, [Button(text="Revoke", id=f"revoke-{grant.id}")])
    return paragraph("", application.name, " may use ", grant.scope or "everything", ".") + revoke


def post_revoke(visit: Visit, raw_application: str, raw_grant: str) -> Answer | None:
    """Take a consent back; nothing is answered where the path is none of Gitea's."""
    visit.check_form()
    account = visit.signed_in()
    if not (_is_number(raw_application) and _is_number(raw_grant)):
        return None
    grant = visit.world.sign_ins.grants.get(int(raw_grant))
    # Somebody else's is left alone without a word, as the deletion names the person.
    if grant is not None and grant.account_id == account.id:
        visit.world.sign_ins.revoke(grant)
    visit.session.flash, visit.session.flash_is_error = "Access revoked successfully.", False
    return leave_for(visit, APPLICATIONS_PATH)


def _is_number(raw: str) -> bool:
    return raw.isascii() and raw.isdigit() and len(raw) <= _NUMBER
