"""The traps of five venues, and where each of them is held."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = "tests/wire/test_ccxt_traps.py"
ACCOUNT = "tests/wire/test_ccxt_account_traps.py"
CONTRACT = "tests/contract/venue/test_venue_contract.py"
UNIT = "tests/unit/venues/ccxt"
SWITCH = "tests/wire/test_dead_man.py"

#: The trap -> where it is held. Numbers are the facts every adapter has to know, words the rows of the order table.
TRAPS: Mapping[str, tuple[str, ...]] = {
    "1 one instance for spot and perpetuals": (f"{HERE}::test_one_instance_asks_for_spot_and_perpetuals",),
    "2 an order without an id": (f"{HERE}::test_an_unreadable_success_leaves_the_order_unknown",),
    "3 a truncated or bare error": (
        f"{HERE}::test_an_answer_cut_off_leaves_the_order_unknown",
        f"{HERE}::test_a_server_that_does_not_know_itself_leaves_the_order_unknown",
    ),
    "4 cancelling a task": (f"{UNIT}/test_broker.py::test_a_cancelled_task_waits_for_the_answer_of_what_has_left",),
    "5 ccxt's own retries": (
        f"{UNIT}/test_client.py::test_ccxts_own_retries_cannot_send_an_order_twice",
        f"{UNIT}/test_client.py::test_where_ccxt_is_told_to_send_again_no_request_leaves",
    ),
    "6 an id that may be used again": (
        f"{UNIT}/test_broker.py::test_an_intent_that_left_is_not_sent_again_whatever_became_of_it",
    ),
    "7 look-up by client id": (f"{HERE}::test_an_order_is_looked_up_in_the_venues_own_words",),
    "8 a price on a market order": (f"{HERE}::test_no_order_is_a_market_order",),
    "9 what a perpetual balance means": (f"{ACCOUNT}::test_a_futures_balance_is_without_unrealised_profit",),
    "10 WEEX's contract size": (f"{HERE}::test_weex_quantities_are_coins_whatever_a_contract_is_said_to_be",),
    "11 MEXC's contracts": (f"{HERE}::test_mexc_is_sent_contracts_and_read_in_coins",),
    "12 sided orders": (f"{HERE}::test_a_flip_takes_two_orders",),
    "13 unmapped status words": (f"{HERE}::test_each_status_word_has_its_state",),
    "14 a revoked key": (f"{UNIT}/test_client.py::test_a_key_that_worked_and_is_revoked_is_no_rate_limit",),
    "15 error tables by address": (
        f"{UNIT}/test_broker.py::test_futures_codes_are_read_though_the_venue_is_not_at_its_own_address",
    ),
    "16 what loading markets costs": (f"{HERE}::test_loading_markets_asks_no_more_than_it_must",),
    "17 the throttler": (
        f"{UNIT}/test_limits.py::test_at_most_two_reads_are_under_way_and_an_order_passes_them",
        f"{HERE}::test_ccxts_throttle_is_the_leaky_bucket",
    ),
    "18 brokers' names": (f"{HERE}::test_no_brokers_name_is_on_our_orders",),
    "19 MEXC's funding": (f"{ACCOUNT}::test_mexc_rates_and_marks_come_from_one_question",),
    "20 testnets": (f"{HERE}::test_a_testnet_that_does_not_trade_spot_is_refused",),
    "client id, as sent": (f"{HERE}::test_an_order_says_its_client_id_in_the_venues_own_words",),
    "client id, its form": (f"{HERE}::test_a_client_id_is_fit_for_every_venue",),
    "create answer": (f"{HERE}::test_an_acknowledgement_is_accepted_and_its_outcome_looked_up",),
    "lookup by client id": (f"{HERE}::test_an_order_is_looked_up_in_the_venues_own_words",),
    "cancel by client id": (f"{HERE}::test_a_cancel_names_the_client_id_in_the_venues_own_words",),
    "duplicate id answer": (f"{HERE}::test_a_duplicate_exists_and_is_not_refused",),
    "not-found answer": (f"{HERE}::test_an_order_that_is_not_there_is_absent_whatever_the_venue_calls_it",),
    "market order amount": (f"{HERE}::test_no_order_is_a_market_order",),
    "classic account of Bybit": (f"{ACCOUNT}::test_a_classic_bybit_account_is_refused",),
    "post-only": (f"{CONTRACT}::test_a_post_only_order_that_would_not_take_rests",),
    "IOC": (f"{CONTRACT}::test_an_ioc_order_that_finds_too_little_gives_up_the_rest",),
    "reduceOnly": (f"{HERE}::test_spot_is_never_told_to_reduce_only",),
    "hedge mode": (f"{ACCOUNT}::test_an_account_in_hedge_mode_is_a_gap_on_each_venue",),
    "set leverage": (f"{ACCOUNT}::test_leverage_that_is_so_already_is_success",),
    "set margin mode": (f"{ACCOUNT}::test_leverage_that_is_so_already_is_success",),
    "set position mode": (f"{UNIT}/test_broker.py::test_an_account_that_stays_in_hedge_mode_is_refused",),
    "position mode read": (f"{CONTRACT}::test_leverage_is_set_read_back_and_seen_on_the_position",),
    "batch create": (f"{ACCOUNT}::test_no_call_that_acts_on_many_orders_is_listed",),
    "cancel all": (f"{ACCOUNT}::test_no_call_that_acts_on_many_orders_is_listed",),
    "dead man's switch": (
        f"{ACCOUNT}::test_no_call_that_acts_on_many_orders_is_listed",
        f"{SWITCH}::test_binance_cancels_what_rests_once_nothing_is_heard_for_the_window",
        f"{SWITCH}::test_bybit_cancels_spot_and_perpetuals_once_the_stream_is_gone_for_the_window",
        f"{SWITCH}::test_a_venue_without_one_is_refused_with_one_line",
    ),
    "transfer": (f"{CONTRACT}::test_a_transfer_arrives_and_is_found",),
    "fees of a fill": (f"{CONTRACT}::test_an_ioc_order_fills_at_once_and_pays_its_fee",),
    "fee dust": (f"{CONTRACT}::test_balances_are_the_opening_plus_fills_minus_fees",),
    "the quantity is what filled, not a word": (
        f"{UNIT}/test_mapping.py::test_the_state_is_by_what_is_filled_first_and_the_word_second",
    ),
}


def test_every_trap_has_a_test_that_exists() -> None:
    assert {key.split(" ")[0] for key in TRAPS} >= {str(number) for number in range(1, 21)}
    for places in TRAPS.values():
        for place in places:
            file, _, name = place.partition("::")
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            functions = [one.name for one in tree.body if isinstance(one, ast.AsyncFunctionDef | ast.FunctionDef)]
            assert name in functions, place
