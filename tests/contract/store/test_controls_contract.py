"""What operators may rely on: a request is there once it was answered, and a kill holds until somebody resumes."""

from __future__ import annotations

import asyncio

import pytest

from bot.ports.store import Controls, Store
from tests.contract.store.builders import MAIN, NOON
from tests.contract.store.conftest import Handles


@pytest.fixture
def controls(store: Store, handles: Handles) -> Controls:
    return handles.controls()


async def test_requests_are_read_once_each_in_their_order(controls: Controls, handles: Handles) -> None:
    first = await controls.request("kill", "freeze", "op", "looks odd")
    second = await controls.request("adopt", "BTC", "op", "mine")
    daemon = handles.controls()
    rows = await daemon.read(0)
    assert [(row.id, row.what, row.value, row.who, row.why, row.at) for row in rows] == [
        (first, "kill", "freeze", "op", "looks odd", NOON),
        (second, "adopt", "BTC", "op", "mine", NOON),
    ]
    assert [row.id for row in await daemon.read(first)] == [second]
    assert list(await daemon.read(second)) == []
    third = await controls.request("rearm", "BTC", "op", "")
    assert [row.id for row in await daemon.read(second)] == [third]


@pytest.mark.parametrize(
    ("requests", "level", "why"),
    [
        ([], None, None),
        (["freeze"], "freeze", "0"),
        (["freeze", "halt"], "halt", "1"),
        (["halt", "freeze"], "halt", "0"),
        (["halt", "off"], "halt", "0"),
        (["off"], None, None),
        (["flatten", "resume"], None, None),
        (["flatten", "resume", "freeze"], "freeze", "2"),
        (["halt", "halt"], "halt", "0"),
        (["halt", "stop everything"], "stop everything", "1"),
    ],
)
async def test_the_highest_level_since_the_last_resume_holds(
    controls: Controls, store: Store, requests: list[str], level: str | None, why: str | None
) -> None:
    for number, word in enumerate(requests):
        what, value = ("resume", "") if word == "resume" else ("kill", word)
        await controls.request(what, value, "op", str(number))
    kill = await controls.kill()
    assert (kill and kill.value, kill and kill.why) == (level, why)
    assert (await store.load()).kill == kill


async def test_other_requests_neither_kill_nor_resume(controls: Controls) -> None:
    await controls.request("kill", "halt", "op", "")
    await controls.request("rearm", "BTC", "op", "")
    kill = await controls.kill()
    assert kill is not None
    assert kill.value == "halt"


async def test_operators_are_heard_while_the_leader_writes(store: Store, fence: int, handles: Handles) -> None:
    async def write() -> None:
        for number in range(30):
            await store.beat({"cycles": number}, fence)

    async def ask(name: str) -> list[int]:
        own = handles.controls()
        return [await own.request("rearm", str(number), name, "") for number in range(10)]

    async def listen() -> list[int]:
        own, seen = handles.controls(), [0]
        while len(seen) <= 20:
            seen += [row.id for row in await own.read(seen[-1])]
            await asyncio.sleep(0)
        return seen[1:]

    _, first, second, heard = await asyncio.gather(write(), ask("a"), ask("b"), listen())
    assert heard == sorted([*first, *second])


async def test_a_kill_given_before_the_first_start_is_found_by_it(handles: Handles) -> None:
    await handles.controls().request("kill", "halt", "op", "not yet")
    store = handles.store()
    await store.open(MAIN, migrate=True)
    kill = (await store.load()).kill
    assert kill is not None
    assert (kill.value, kill.why) == ("halt", "not yet")
