"""The function by which each call is written to the ledger and counted, in one statement."""

from django.db import migrations

# The order of locks: the ledger's advisory lock, the reservation, the row of the ledger, then the
# periods by their id. Each statement of the function sees what was committed while the one before
# it waited for a lock.
CREATE = """
CREATE FUNCTION metering_settle(
    p_lock bigint, p_state text, p_call_id uuid,
    p_team_id bigint, p_project_id bigint, p_user_id bigint, p_api_key_id bigint,
    p_model_name text, p_kind text, p_started_at timestamptz,
    p_prompt_tokens integer, p_completion_tokens integer, p_tokens_source text, p_cost numeric,
    p_latency_ms integer, p_first_token_ms integer, p_outcome text, p_streamed boolean,
    p_request_id text
) RETURNS TABLE (usage_id bigint, alert_ids bigint[]) LANGUAGE plpgsql AS $$
DECLARE
    before metering_usagerecord;
    period record;
    held boolean;
    more_cost numeric := p_cost;
    more_tokens numeric := p_prompt_tokens + p_completion_tokens;
    new_alerts bigint[];
BEGIN
    PERFORM pg_advisory_xact_lock_shared(p_lock);
    UPDATE metering_reservation SET state = p_state
        WHERE call_id = p_call_id AND state = 'held';
    held := FOUND;

    INSERT INTO metering_usagerecord (call_id, team_id, project_id, user_id, api_key_id,
        model_name, kind, prompt_tokens, completion_tokens, tokens_source, cost, latency_ms,
        first_token_ms, outcome, streamed, request_id, started_at, created_at)
    VALUES (p_call_id, p_team_id, p_project_id, p_user_id, p_api_key_id,
        p_model_name, p_kind, p_prompt_tokens, p_completion_tokens, p_tokens_source, p_cost,
        p_latency_ms, p_first_token_ms, p_outcome, p_streamed, p_request_id, p_started_at,
        clock_timestamp())
    ON CONFLICT (call_id) DO NOTHING RETURNING id INTO usage_id;

    IF usage_id IS NULL THEN
        SELECT * INTO before FROM metering_usagerecord AS usage
            WHERE usage.call_id = p_call_id FOR UPDATE;
        usage_id := before.id;
        more_cost := 0;
        more_tokens := 0;
        -- A call that was thought lost has ended after all: what it was charged makes way for
        -- what it has used.
        IF before.outcome = 'lost' AND p_outcome <> 'lost' THEN
            more_cost := p_cost - before.cost;
            more_tokens := p_prompt_tokens + p_completion_tokens
                - before.prompt_tokens - before.completion_tokens;
            UPDATE metering_usagerecord AS usage SET prompt_tokens = p_prompt_tokens,
                completion_tokens = p_completion_tokens, tokens_source = p_tokens_source,
                cost = p_cost, latency_ms = p_latency_ms, first_token_ms = p_first_token_ms,
                outcome = p_outcome, streamed = p_streamed
                WHERE usage.id = before.id;
        END IF;
    END IF;

    FOR period IN
        SELECT one.id, budget.unit, budget.amount, coalesce(line.amount, 0) AS held_amount,
               one.starts_at <= p_started_at AND one.ends_at > p_started_at AS counts
        FROM metering_budgetperiod AS one
        JOIN metering_budget AS budget ON budget.id = one.budget_id
        LEFT JOIN metering_reservationline AS line
            ON line.period_id = one.id AND line.reservation_id = p_call_id AND held
        WHERE ((budget.team_id = p_team_id OR budget.project_id = p_project_id
                OR budget.user_id = p_user_id OR budget.api_key_id = p_api_key_id)
               AND one.starts_at <= p_started_at AND one.ends_at > p_started_at)
           OR (held AND one.id IN (SELECT period_id FROM metering_reservationline
                                   WHERE reservation_id = p_call_id))
        ORDER BY one.id FOR UPDATE OF one
    LOOP
        UPDATE metering_budgetperiod AS counted
            SET reserved = counted.reserved - period.held_amount,
                spent = counted.spent + CASE WHEN NOT period.counts THEN 0
                    WHEN period.unit = 'money' THEN more_cost ELSE more_tokens END
            WHERE counted.id = period.id;
        WITH told AS (
            INSERT INTO metering_budgetalert (period_id, percent, created_at)
            SELECT counted.id, reached.percent, clock_timestamp()
            FROM metering_budgetperiod AS counted,
                 unnest(ARRAY[50, 80, 100]) AS reached (percent)
            WHERE counted.id = period.id AND period.amount > 0
              AND counted.spent * 100 >= period.amount * reached.percent
            ON CONFLICT (period_id, percent) DO NOTHING RETURNING id
        )
        SELECT new_alerts || array_agg(told.id) INTO new_alerts FROM told;
    END LOOP;
    alert_ids := new_alerts;
    RETURN NEXT;
END $$
"""
DROP = "DROP FUNCTION metering_settle"


class Migration(migrations.Migration):
    dependencies = [("metering", "0002_budgets")]

    operations = [migrations.RunSQL(CREATE, DROP)]
