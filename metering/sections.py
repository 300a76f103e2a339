"""Settings of this app."""

from restai_site.lib.configuration import Number, Section


class BudgetsSection(Section):
    """How budgets hold what a call may cost before it is known."""

    slug = "budgets"
    title = "Budgets"
    lede = (
        "Where a budget applies, each call first holds what it may cost at most. Budgets "
        "themselves are set on the pages of teams, projects, users and keys."
    )
    order = 80

    answer_tokens = Number(
        4096,
        least=16,
        most=1_000_000,
        label="Longest answer under a budget, in tokens",
        explanation=(
            "Held for each call whose answer neither the caller nor the project limits, and the "
            "limit of its answer."
        ),
        variable="BUDGET_ANSWER_TOKENS",
    )
