"""Two texts side by side."""

import time

from projects.diff import side_by_side


def kinds(before, after):
    return [row.kind for row in side_by_side(before, after)]


def test_equal_texts_have_no_difference():
    assert kinds("a\nb", "a\nb") == ["same", "same"]


def test_lines_are_added_removed_and_changed():
    assert kinds("a\nb", "a\nb\nc") == ["same", "same", "added"]
    assert kinds("a\nb\nc", "a\nc") == ["same", "removed", "same"]
    assert kinds("be brief and kind", "be brief and warm") == ["changed"]


def test_words_that_differ_are_marked():
    (row,) = side_by_side("be brief and kind", "be brief and warm")
    assert row.left.pieces == [("be brief and ", False), ("kind", True)]
    assert row.right.pieces == [("be brief and ", False), ("warm", True)]


def test_lines_that_have_little_in_common_are_marked_whole():
    (row,) = side_by_side("alpha beta", "gamma, delta; epsilon")
    assert row.left.pieces == [("alpha beta", True)]


def test_line_numbers_count_each_side():
    rows = side_by_side("a\nb", "x\na\nb")
    assert [(r.left and r.left.number, r.right and r.right.number) for r in rows] == [
        (None, 1),
        (1, 2),
        (2, 3),
    ]


def test_huge_texts_take_little_work():
    """Processor time: minutes, were every line compared with every other."""
    begin = time.process_time()
    side_by_side("a\nb\n" * 25_000, "b\na\n" * 25_000)
    side_by_side("x" * 50_000, "y" * 50_000)
    side_by_side(
        "\n".join("ab" * 40 for _ in range(1_000)), "\n".join("ba" * 40 for _ in range(1_000))
    )
    assert time.process_time() - begin < 20
