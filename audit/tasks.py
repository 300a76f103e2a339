"""Background work of this app."""

from celery import shared_task

from audit import purging, verifications
from audit.erasing import services as erasing
from audit.forwarding import engine
from restai_site.lib.actor import Actor


@shared_task(name="audit.verify")  # type: ignore[untyped-decorator]
def verify(verification_id: int) -> bool:
    """Verify the trail, as somebody has asked."""
    return verifications.run(verification_id)


@shared_task(name="audit.verify_daily")  # type: ignore[untyped-decorator]
def verify_daily() -> None:
    """Have the trail verified without anybody's asking."""
    verifications.ask(actor=Actor.system("verify_daily"))


@shared_task(name="audit.purge")  # type: ignore[untyped-decorator]
def purge(removal_id: int) -> int:
    """Remove the entries of a removal that was confirmed."""
    return purging.run(removal_id)


@shared_task(name="audit.look_after_removals")  # type: ignore[untyped-decorator]
def look_after_removals() -> None:
    """Go on with a removal that was killed, and ask for the next one."""
    purging.look_after()


@shared_task(name="audit.erase")  # type: ignore[untyped-decorator]
def erase(erasure_id: int) -> int:
    """Take somebody out of the trail who was erased."""
    return erasing.run(erasure_id)


@shared_task(name="audit.look_after_erasures")  # type: ignore[untyped-decorator]
def look_after_erasures() -> None:
    """Go on with erasures that were killed, and take what has been written since."""
    erasing.look_after()


@shared_task(name="audit.forward")  # type: ignore[untyped-decorator]
def forward() -> int:
    """Send what destinations have not got yet."""
    return engine.forward()


@shared_task(name="audit.send_again")  # type: ignore[untyped-decorator]
def send_again(letter_id: int) -> bool:
    """Send a dead letter again, as somebody has asked."""
    return engine.resend(letter_id)
