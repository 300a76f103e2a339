from decimal import Decimal

import pytest

from catalog.prices import cost


@pytest.mark.parametrize(
    ("prompt", "completion", "input_price", "output_price", "expected"),
    [
        (0, 0, "3", "15", "0"),
        (1, 0, "0.15", "0.6", "0.00000015"),
        (1_000_000, 1_000_000, "3", "15", "18"),
        (7, 20, "0.15", "0.6", "0.00001305"),
        (1, 1, "0.000001", "0.000001", "0.000000000002"),
        (2**31 - 1, 2**31 - 1, "99999999.999999", "0", "214748364699.997852516353"),
    ],
)
def test_the_cost_is_exact(prompt, completion, input_price, output_price, expected):
    assert cost(prompt, completion, Decimal(input_price), Decimal(output_price)) == Decimal(
        expected
    )
