from __future__ import annotations

from bot.core.kept import Kept, KeptWhileAsked, Lately


class Counted:
    """Answers how often it was asked."""

    asked = 0

    def __call__(self, _value: object) -> int:
        self.asked += 1
        return self.asked


def test_what_was_asked_of_lately_is_known_and_what_was_not_is_let_go() -> None:
    lately: Lately[object, int] = Lately(Counted())
    first, twin = [1, 2], [1, 2]
    assert [lately.of(first), lately.of(first), lately.of(twin)] == [1, 1, 2]
    lately.turn()
    assert [lately.of(first), len(lately)] == [1, 2]
    lately.turn()
    assert [lately.of(first), len(lately), lately.of(twin)] == [1, 1, 3]


def test_an_answer_is_worked_out_once_for_one_object_and_again_for_an_equal_one() -> None:
    kept: Kept[object, int] = Kept(Counted(), 2)
    first, twin = [1, 2], [1, 2]
    assert [kept.of(first), kept.of(first), kept.of(twin), kept.of(first)] == [1, 1, 2, 1]


def test_only_the_newest_answers_are_kept() -> None:
    kept: Kept[object, int] = Kept(Counted(), 2)
    values = [object() for _ in range(3)]
    assert [kept.of(value) for value in values] == [1, 2, 3]
    assert [kept.of(values[2]), kept.of(values[0])] == [3, 4]


def test_what_comes_anew_with_every_turn_is_let_go_within_a_few() -> None:
    """Series of a thousand points each are told anew with every reading: 128 turns of them were a hundred megabytes."""
    kept: KeptWhileAsked[object, int] = KeptWhileAsked(Counted())
    asked_for_ever = object()
    most = 0
    for _ in range(100):
        kept.turn()
        kept.of(object())
        assert kept.of(asked_for_ever) <= 2
        most = max(most, len(kept))
    assert most <= 20
