"""What the venues say of keys, and of money that comes and goes: the signs and the words that differ."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.numbers import milliseconds
from bot.core.orders import Placed
from bot.ports.venue import Gap, KeyReport
from tests.builders import a_move
from tests.unit.venues.simulated.scenes import START
from tests.wire.replay.play import Stage, a_stage
from tests.wire.replay.stage import Said

D = Decimal
AT_MS = milliseconds(START)
LATER = START + timedelta(minutes=1)


async def told(stage: Stage) -> list[tuple[str, str, str]]:
    found = await stage.venue.flows(START)
    assert not isinstance(found, Gap), found
    return sorted((str(one.body["kind"]), str(one.body["asset"]), str(one.body["amount"])) for one in found)


# ---- keys


def a_report(may: str, note: str = "") -> KeyReport:
    """``yynn``: may trade spot and perpetuals, may not withdraw, is bound to no address."""
    spot, swap, withdraw, bound = (one == "y" for one in may)
    return KeyReport(spot, swap, withdraw, bound, note)


def bybit_key(**more: Any) -> dict[str, Any]:
    permissions = {"Spot": ["SpotTrade"], "ContractTrade": ["Order", "Position"], "Wallet": ["AccountTransfer"]}
    result = {"userID": 7, "uta": 1, "readOnly": 0, "ips": ["10.0.0.1"], "permissions": permissions} | more
    return {"retCode": 0, "retMsg": "", "result": result, "time": AT_MS}


@pytest.mark.parametrize(
    ("said", "report"),
    [
        (bybit_key(), a_report("yyny", "may not use savings")),
        (bybit_key(readOnly=1), a_report("nnny", "may not use savings")),
        (bybit_key(ips=["*"]), a_report("yynn", "may not use savings")),
        (
            bybit_key(permissions={"Wallet": ["Withdraw"], "Earn": ["Earn"], "Derivatives": ["DerivativesTrade"]}),
            a_report("nyyy", ""),
        ),
    ],
)
async def test_a_bybit_key_may_what_its_permissions_say(said: dict[str, Any], report: KeyReport) -> None:
    async with a_stage("bybit") as stage:
        stage.instead(("GET", "/v5/user/query-api"), Said(said))
        assert await stage.venue.key() == report


@pytest.mark.parametrize(
    ("data", "report"),
    [
        ({"permissions": [1, 2, 3, 5], "ipAddresses": []}, a_report("yyyn")),
        ({"permissions": [2], "ipAddresses": ["10.0.0.1"]}, a_report("nnny")),
    ],
)
async def test_a_bingx_key_may_what_its_numbers_say(data: dict[str, Any], report: KeyReport) -> None:
    async with a_stage("bingx") as stage:
        stage.instead(("GET", "/openApi/v1/account/apiPermissions"), Said({"code": 0, "data": data}))
        assert await stage.venue.key() == report


async def test_an_answer_about_a_bingx_key_of_another_shape_says_nothing() -> None:
    async with a_stage("bingx") as stage:
        stage.instead(("GET", "/openApi/v1/account/apiPermissions"), Said({"code": 0, "data": {"canTrade": True}}))
        report = await stage.venue.key()
        assert (report.can_withdraw, bool(report.note)) == (None, True)


@pytest.mark.parametrize(("name", "account"), [("bybit", None), ("bingx", "777"), ("weex", "42"), ("mexc", "99")])
async def test_each_account_has_a_name(name: str, account: str | None) -> None:
    async with a_stage(name) as stage:
        found = (await stage.venue.kind()).id
        assert found is not None
        assert found.startswith(f"{name}:")
        assert account is None or found == f"{name}:{account}"


# ---- money from outside


async def test_what_comes_from_bybits_funding_account_is_a_deposit_and_what_goes_there_a_withdrawal() -> None:
    def row(number: str, source: str, to: str, amount: str) -> dict[str, Any]:
        accounts = {"fromAccountType": source, "toAccountType": to}
        return {"transferId": number, "coin": "USDT", "amount": amount, "timestamp": str(AT_MS), **accounts}

    rows = [
        row("a", "FUND", "UNIFIED", "100"),
        row("b", "UNIFIED", "FUND", "40.5"),
        row("c", "FUND", "INVESTMENT", "7"),  # never was in the account
    ]
    async with a_stage("bybit") as stage:
        said = {"retCode": 0, "retMsg": "", "result": {"list": rows, "nextPageCursor": ""}}
        stage.instead(("GET", "/v5/asset/transfer/query-inter-transfer-list"), Said(said))
        assert await told(stage) == [("deposit", "USDT", "100"), ("withdrawal", "USDT", "-40.5")]


async def test_bingx_tells_what_came_and_went_on_the_chain() -> None:
    async with a_stage("bingx") as stage:
        came = [
            {"coin": "USDT", "amount": "50", "status": 1, "insertTime": AT_MS, "txId": "x"},
            {"coin": "USDT", "amount": "9", "status": 0, "insertTime": AT_MS, "txId": "y"},  # on its way
        ]
        went = [
            {"id": "w", "coin": "BTC", "amount": "0.1", "transactionFee": "0.001", "status": 6}
            | {"applyTime": "2026-01-01T01:00:00+00:00"},
            {"id": "v", "coin": "BTC", "amount": "1", "status": 4, "applyTime": "2026-01-01T01:00:00+00:00"},
        ]
        stage.instead(("GET", "/openApi/api/v3/capital/deposit/hisrec"), Said(came))
        stage.instead(("GET", "/openApi/api/v3/capital/withdraw/history"), Said(went))
        assert await told(stage) == [("deposit", "USDT", "50"), ("withdrawal", "BTC", "-0.101")]


async def test_mexc_tells_what_came_and_went_on_the_chain() -> None:
    async with a_stage("mexc") as stage:
        came = [{"coin": "USDT", "amount": "50", "status": "5", "insertTime": AT_MS, "txId": "x"}]
        went = [
            {"id": "w", "coin": "USDT", "amount": "10", "transactionFee": "1", "status": 7, "applyTime": AT_MS},
            {"id": "v", "coin": "USDT", "amount": "10", "status": 8, "applyTime": AT_MS},
        ]
        stage.instead(("GET", "/api/v3/capital/deposit/hisrec"), Said(came))
        stage.instead(("GET", "/api/v3/capital/withdraw/history"), Said(went))
        assert await told(stage) == [("deposit", "USDT", "50"), ("withdrawal", "USDT", "-11")]


@pytest.mark.parametrize("at", ["yesterday", "", None])
async def test_an_instant_that_is_none_is_a_gap_and_no_flow(at: str | None) -> None:
    async with a_stage("bingx") as stage:
        went = [{"id": "w", "coin": "BTC", "amount": "1", "status": 6, "applyTime": at}]
        stage.instead(("GET", "/openApi/api/v3/capital/withdraw/history"), Said(went))
        assert isinstance(await stage.venue.flows(START), Gap)


# ---- what a venue has no way for


@pytest.mark.parametrize(
    ("name", "why"), [("weex", "local of weex has no transfers"), ("bybit", "there is no wallet 'futures' here")]
)
async def test_where_nothing_moves_between_wallets_it_is_said_and_nothing_leaves(name: str, why: str) -> None:
    async with a_stage(name) as stage:
        before = len(stage.asked())
        verdict, said = await stage.venue.move(a_move(), lambda _: None)
        assert (verdict, why in said) == (Placed.REJECTED, True), said
        assert len(stage.asked()) == before


async def test_a_bybit_key_without_savings_has_none_and_is_asked_once() -> None:
    async with a_stage("bybit") as stage:
        denied = {"retCode": 10005, "retMsg": "Permission denied", "result": {}}
        stage.instead(("GET", "/v5/earn/position"), Said(denied))
        for _ in range(2):
            found = await stage.venue.balances()
            assert not isinstance(found, Gap), found
            assert {one.wallet for one in found} == {"unified"}
        assert len([one for one in stage.asked() if one.path == "/v5/earn/position"]) == 1


async def test_a_stake_whose_answer_was_lost_is_known_by_our_own_id() -> None:
    async with a_stage("bybit") as stage:
        stake = a_move(client_id="bm7", amount="100", to="earn", at=START)
        assert (await stage.venue.move(stake, lambda _: None))[0] is Placed.ACCEPTED
        twin = a_move(client_id="bm8", amount="100", to="earn", at=START)
        stage.clock.at = START + timedelta(minutes=10)
        assert await stage.venue.find_move(stake) is Placed.ACCEPTED
        assert await stage.venue.find_move(twin) is Placed.REJECTED
