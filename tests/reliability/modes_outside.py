"""Failure modes 1 to 45: the wire, market data, the account behind the bot's back."""

from __future__ import annotations

from tests.reliability.mode import (
    BEHIND,
    BROKER,
    CLIENT,
    COLLAR,
    CYCLE,
    DAEMON,
    DATA,
    DATA_IN,
    EXECUTE,
    FAULTS,
    FILTERS,
    FOREIGN,
    GUARD,
    HERE,
    LIVE,
    MAPPING,
    OCCASIONS,
    PACE,
    PLANS,
    PROCESS,
    READS,
    READS_AGAIN,
    RECONCILE,
    SILENCE,
    SIMULATED,
    SKEW,
    SQLITE,
    STOPPING,
    STORE,
    THE_WIRE,
    VENUE,
    WIRE,
    WIRING,
    Mode,
)

OUTSIDE = (
    Mode(
        1,
        THE_WIRE,
        "the answer to an order is lost after the exchange took it: unknown, looked up, found",
        (
            f"{WIRE}an_order_whose_answer_was_lost_is_unknown_and_then_found",
            f"{RECONCILE}a_lost_answer_of_an_order_that_arrived_is_never_sent_again",
            f"{SIMULATED}an_order_whose_answer_was_lost_is_found_and_not_sent_again",
        ),
    ),
    Mode(
        2,
        THE_WIRE,
        "the order never came there: unknown until the venue's bound, proven absent, decided afresh",
        (
            f"{WIRE}an_order_that_never_arrived_is_unknown_and_then_absent",
            f"{RECONCILE}a_submitted_order_that_never_arrived_is_unknown_until_the_bound_and_absent_past_it",
            f"{SIMULATED}an_order_that_never_came_is_proven_absent",
        ),
    ),
    Mode(
        3,
        THE_WIRE,
        "a 5xx or a page of HTML for an answer proves nothing: unknown",
        (f"{FAULTS}a_create_without_a_sure_answer_is_unknown_and_looked_up_never_sent_again",),
    ),
    Mode(
        4,
        THE_WIRE,
        "a connection reset, half an answer: unknown for an order, a gap for a read",
        (
            f"{FAULTS}a_create_without_a_sure_answer_is_unknown_and_looked_up_never_sent_again",
            f"{FAULTS}a_read_that_goes_wrong_for_good_is_a_gap_that_says_how",
        ),
    ),
    Mode(
        5,
        THE_WIRE,
        "429: quiet exactly as long as asked for",
        (
            f"{FAULTS}a_create_that_is_too_many_is_refused_and_there_is_quiet_until_it_may_be_asked_again",
            f"{READS_AGAIN}a_429_pauses_everything_until_it_is_over",
        ),
    ),
    Mode(
        6,
        THE_WIRE,
        "418: not one request until the ban ends, over restarts too",
        (
            f"{WIRING}a_ban_goes_on_after_a_restart",
            "tests/unit/venues/ccxt/test_limits.py::test_a_ban_goes_on_after_a_restart",
            f"{FAULTS}who_asks_during_a_ban_is_banned_on_and_counted",
        ),
    ),
    Mode(
        7,
        THE_WIRE,
        "403 from a wall before the exchange, or a page: the venue is away, the key is fine",
        (f"{HERE}wall.py::test_a_wall_before_the_exchange_is_no_word_about_the_key",),
    ),
    Mode(
        8,
        THE_WIRE,
        "an answer comes twice, late, or is about another order: matched by name, fills by trade id",
        (
            f"{FAULTS}an_answer_about_another_order_is_not_taken_for_ours",
            f"{FAULTS}a_duplicate_answer_to_a_read_is_yesterdays_truth_for_once",
            f"{STORE}a_trade_is_booked_once_under_whatever_key_it_is_told",
        ),
    ),
    Mode(
        9,
        THE_WIRE,
        "accepted, and no order in the answer: looked up by its client id",
        (
            f"{EXECUTE}an_answer_without_an_order_is_looked_up_and_unknown_where_it_is_not_found",
            f"{MAPPING}an_order_that_cannot_be_is_malformed",
        ),
    ),
    Mode(
        10,
        THE_WIRE,
        "not found right after it was placed: nothing is proven inside the bound",
        (f"{FAULTS}an_order_is_seen_late_and_then_found", f"{SILENCE}the_bound_is_the_venues_own"),
    ),
    Mode(
        11,
        THE_WIRE,
        "a list that ends early or forgets: absence needs order, open orders and trades to agree",
        (
            f"{BROKER}an_order_is_absent_only_when_id_open_orders_and_trades_agree",
            f"{SILENCE}while_one_list_cannot_be_read_or_shows_it_nothing_is_proven",
            f"{READS}futures_fills_step_over_quiet_weeks",
        ),
    ),
    Mode(
        12,
        THE_WIRE,
        "half of a batch fails",
        (f"{HERE}wall.py::test_no_batch_of_orders_can_leave",),
        "orders leave one by one: no path of a batch is on the list of what may be asked",
    ),
    Mode(
        13,
        THE_WIRE,
        "the library sends an order again by itself: its retries are off, and a request proves it",
        (
            f"{CLIENT}ccxts_own_retries_cannot_send_an_order_twice",
            f"{CLIENT}where_ccxt_is_told_to_send_again_no_request_leaves",
        ),
    ),
    Mode(
        14,
        THE_WIRE,
        "the library makes up a client id: ours is always sent, and the answer must name it",
        (f"{BROKER}a_spot_order_says_what_the_intent_says", f"{BROKER}an_answer_about_another_order_is_a_gap"),
    ),
    Mode(
        15,
        THE_WIRE,
        "a call is emulated, a parameter dropped: mode live wants a certificate of the venue",
        (
            f"{LIVE}each_term_of_live_is_refused_until_it_holds_and_then_orders_go_out",
            "tests/unit/engine/test_live.py::test_without_a_certificate_the_refusal_says_where_it_would_be",
        ),
    ),
    Mode(
        16,
        THE_WIRE,
        "the clock is off: measured each cycle, told, and from a second on nothing is sent",
        (
            f"{SKEW}what_an_offset_does",
            f"{SKEW}a_cycle_with_a_clock_that_is_off_sends_nothing_and_says_why",
            f"{CLIENT}the_window_of_a_signature_is_five_seconds_and_no_blanket",
        ),
    ),
    Mode(
        17,
        THE_WIRE,
        "two processes mix up the nonces of one key: one process leads, the others are refused",
        (f"{PROCESS}a_second_process_on_the_same_record_is_refused", f"{STORE}only_one_leads"),
    ),
    Mode(
        18,
        THE_WIRE,
        "no network for hours: every order is kept, nothing is sent, and on return all is settled first",
        (
            f"{HERE}outage.py::test_an_order_outlives_a_day_without_the_venue_and_is_settled_before_anything_new",
            f"{RECONCILE}while_the_venue_cannot_be_asked_the_order_stays_unknown",
            f"{SIMULATED}every_invariant_holds_under_faults",
        ),
    ),
    Mode(
        19,
        THE_WIRE,
        "a stream of prices stalls silently",
        (),
        "there is no stream: everything is asked for in each cycle, and its age is looked at (mode 28)",
    ),
    Mode(
        20,
        THE_WIRE,
        "connections, tasks or memory leak: one client for the life of the process, counted in the soak",
        (
            f"{HERE}soak.py::test_neither_files_nor_tasks_grow_with_the_cycles",
            f"{READS_AGAIN}a_closed_venue_says_so_and_closes_twice",
        ),
    ),
    Mode(
        21,
        THE_WIRE,
        "a cancel fails because the order filled: a failed cancel is a question",
        (
            f"{FAULTS}a_cancel_is_a_question_since_a_fill_may_race_it",
            f"{BROKER}whatever_a_cancel_answers_what_is_true_is_looked_up",
        ),
    ),
    Mode(
        22,
        THE_WIRE,
        "a fill after the cancel was acknowledged is booked",
        (
            f"{SQLITE}a_fill_after_the_cancel_is_booked_by_its_trade_id_and_once",
            f"{SILENCE}a_fill_that_came_after_the_cancel_is_booked_however_long_the_cycle_is",
        ),
    ),
    Mode(
        23,
        THE_WIRE,
        "a part fills, then the order ends: what filled comes from trades, the rest is decided afresh",
        (
            f"{STORE}what_filled_comes_from_trades_and_never_from_a_status",
            f"{VENUE}a_partly_filled_order_keeps_what_it_has_when_cancelled",
            f"{RECONCILE}the_episode_keeps_what_was_not_filled_to_be_done",
        ),
    ),
    Mode(
        24,
        THE_WIRE,
        "the fee comes off the coins: balances are the truth, fees are booked in their currency",
        (
            f"{VENUE}balances_are_the_opening_plus_fills_minus_fees",
            "tests/unit/core/test_lots.py::test_a_fee_in_the_coin_itself_leaves_fewer_coins_for_the_same_money",
        ),
    ),
    Mode(
        25,
        THE_WIRE,
        "a trade id comes twice, or again on another symbol: venue, symbol and id make one trade",
        (
            f"{STORE}a_trade_is_booked_once_under_whatever_key_it_is_told",
            f"{STORE}the_same_trade_id_on_another_symbol_is_another_trade",
        ),
        "a trade that the venue takes back is not booked as a correction; the balance it changes is an unexplained "
        "change, which stops trading (mode 38)",
    ),
    Mode(
        26,
        DATA_IN,
        "a price of nothing, below nothing, not a number: no price, and no order follows from it",
        (
            f"{MAPPING}a_price_of_zero_is_no_price_and_a_negative_one_is_malformed",
            f"{DATA}r_g3_a_crossed_or_impossible_quote_is_no_price",
            f"{PLANS}what_is_not_known_never_adds_risk",
        ),
    ),
    Mode(
        27,
        DATA_IN,
        "an absurd price: a jump without a second source is no price",
        (f"{DATA}r_g3_a_jump_without_a_second_source_is_no_price", f"{READS}an_absurd_number_is_a_gap_and_no_number"),
    ),
    Mode(28, DATA_IN, "a stale quote is no price", (f"{DATA}r_g2_a_quote_too_old_is_no_price",)),
    Mode(
        29,
        DATA_IN,
        "a crossed, empty or wide book: no price from it, or the order waits",
        (
            f"{DATA}r_g3_a_crossed_or_impossible_quote_is_no_price",
            "tests/rules/test_gate_window.py::test_r_g5_a_spread_over_ten_basis_points_defers",
        ),
    ),
    Mode(
        30,
        DATA_IN,
        "a market halts, is delisted, changes: read anew, and what is gone waits instead of being sold",
        (
            f"{FILTERS}r_g11_a_halted_or_unlisted_market_waits",
            f"{FAULTS}a_delisted_symbol_is_listed_no_more",
            f"{READS_AGAIN}markets_are_loaded_anew_after_a_day_and_when_a_symbol_is_not_known",
        ),
    ),
    Mode(
        31,
        DATA_IN,
        "step, tick or minimum change: checked at the gate, dust is carried",
        (
            f"{FAULTS}changed_filters_refuse_what_was_right_before",
            f"{FILTERS}r_g11_what_is_under_the_minimum_is_carried",
        ),
    ),
    Mode(
        32,
        DATA_IN,
        "funding is missing, absurd, of another interval: unknown is not zero",
        (
            "tests/unit/core/test_costs.py::test_missing_or_stale_funding_is_unknown",
            f"{READS}funding_has_the_interval_that_is_not_the_usual_one",
            "tests/rules/test_trims.py::test_r_a4_without_a_funding_rate_nothing_is_hedged",
        ),
    ),
    Mode(
        33,
        DATA_IN,
        "the venue takes a position (ADL, liquidation): booked as nobody's fill, told, no hedge any more",
        (
            f"{FAULTS}what_the_venue_takes_of_a_position_is_a_fill_of_nobody_we_know",
            f"{CYCLE}a_short_that_vanished_is_told_once_and_forgotten",
        ),
    ),
    Mode(
        34,
        DATA_IN,
        "a position's sign or its contracts are misread: signed base units, closes are reduce-only",
        (
            f"{MAPPING}contracts_become_base_units",
            f"{VENUE}a_reduce_only_order_never_turns_a_position",
            f"{PLANS}a_reduce_only_leg_never_grows_or_turns_a_position",
        ),
    ),
    Mode(
        35,
        DATA_IN,
        "a stablecoin loses its peg: it is no cash any more",
        (
            f"{STOPPING}r_g12_two_stables_apart_are_neither_bought_nor_spent",
            f"{STOPPING}r_g12_the_accounting_currency_off_stops_all_but_safety",
        ),
    ),
    Mode(
        36,
        DATA_IN,
        "a flash crash within a cycle: cooling off, a worst price for each order, a day's turnover",
        (
            f"{STOPPING}r_g4_a_running_move_of_more_than_three_atr_defers",
            f"{COLLAR}r_g14_every_order_has_a_worst_price_two_percent_away",
            f"{PACE}r_g6_turnover_makes_smaller_then_puts_off_to_the_next_day",
        ),
    ),
    Mode(
        37,
        BEHIND,
        "somebody trades by hand: told, nobody's fill, the next decision starts from what there is",
        (
            f"{FOREIGN}what_a_person_trades_is_told_of_and_freezes_nothing",
            f"{FAULTS}a_manual_trade_is_a_fill_of_nobody_we_know",
            f"{OCCASIONS}r_w9_a_change_that_nothing_explains_stops_trading",
        ),
    ),
    Mode(
        38,
        BEHIND,
        "money comes or goes: no profit, no loss; what nothing explains stops trading",
        (
            f"{CYCLE}unit_value_does_not_take_a_deposit_for_profit",
            f"{OCCASIONS}r_w9_a_deposit_is_explained_and_goes_to_the_underweight",
            f"{OCCASIONS}r_w9_a_change_that_nothing_explains_stops_trading",
        ),
    ),
    Mode(
        39,
        BEHIND,
        "balances come back empty: two reads must agree, and what cannot be read is a gap",
        (
            f"{OCCASIONS}r_w9_two_reads_that_agree_thirty_seconds_apart_are_waited_for",
            f"{READS}a_balance_that_cannot_be_read_is_a_gap_for_all",
            f"{CYCLE}what_cannot_be_read_is_a_gap_and_never_zero",
        ),
    ),
    Mode(
        40,
        BEHIND,
        "coins are locked or lie in savings: free and locked are told apart, and so are savings",
        (
            f"{VENUE}balances_tell_free_and_locked_by_wallet",
            f"{READS}balances_tell_savings_apart_from_coins_that_only_look_like_them",
        ),
    ),
    Mode(
        41,
        BEHIND,
        "another bot on the account: a trade or an order under our kind of name freezes",
        (
            f"{FOREIGN}a_trade_under_an_id_of_our_own_make_that_the_record_does_not_hold_freezes",
            f"{GUARD}an_open_order_under_our_prefix_that_nobody_here_intended_freezes",
        ),
    ),
    Mode(
        42,
        BEHIND,
        "two processes on one record: a lock, and a lease whose number every write names",
        (
            f"{PROCESS}a_second_process_on_the_same_record_is_refused",
            f"{STORE}a_lease_that_ran_out_is_taken_over_and_its_old_holder_shut_out",
            f"{DAEMON}who_loses_the_lease_stops_at_once",
        ),
    ),
    Mode(
        43,
        BEHIND,
        "the key is revoked or may suddenly do more: looked at hourly, a change freezes",
        (
            f"{GUARD}a_key_that_may_suddenly_withdraw_freezes_live_within_the_hour",
            f"{GUARD}a_permission_that_changes_freezes_live_until_a_resume",
            f"{CLIENT}a_key_that_worked_and_is_revoked_is_no_rate_limit",
        ),
    ),
    Mode(
        44,
        BEHIND,
        "leverage, margin or position mode changed by hand: set and read back before each new short",
        (f"{BROKER}what_differs_is_set_and_read_back", f"{READS}an_account_in_hedge_mode_is_a_gap"),
    ),
    Mode(
        45,
        BEHIND,
        "the fee changes: what fills paid is what is booked, and a day has a budget of it",
        (
            "tests/unit/core/test_memory.py::test_fees_of_a_fill_count_in_money_in_coins_and_in_a_third_coin",
            f"{STOPPING}r_g18_fees_of_the_day_have_a_budget",
        ),
    ),
)
