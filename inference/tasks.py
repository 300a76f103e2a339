"""Background work of this app."""

from celery import shared_task


@shared_task(name="inference.run_bench")  # type: ignore[untyped-decorator]
def run_bench(run_id: int) -> None:
    """Judge what is left of a run of the test bench; delivered twice, it goes on where it was."""
    from inference.bench.runner import go_on

    go_on(run_id)


@shared_task(name="inference.requeue_bench")  # type: ignore[untyped-decorator]
def requeue_bench() -> int:
    """Queue again the runs of the test bench that have stood still, as after a lost queue."""
    from inference.bench.runner import requeue_stalled

    return requeue_stalled()
