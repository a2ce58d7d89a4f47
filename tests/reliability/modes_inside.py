"""Failure modes 46 to 80: process, disk and database, control, portfolio logic."""

from __future__ import annotations

from tests.reliability.mode import (
    BESIDE,
    BROKER,
    CLIENT,
    CONTROL,
    CYCLE,
    DAEMON,
    DATA,
    DISK,
    DISK_AND_PROCESS,
    DRILL,
    EXECUTE,
    FAULTS,
    FILTERS,
    FLOOR,
    FOREIGN,
    HERE,
    IN_SQL,
    LIVE,
    LOGIC,
    OUTBOX,
    PACE,
    PERMIT,
    PLANS,
    PROCESS,
    RECONCILE,
    SCHEMA,
    SETTINGS,
    SILENCE,
    SIMULATED,
    SKEW,
    STOP,
    STORE,
    WIRING,
    Mode,
)

INSIDE = (
    Mode(
        46,
        DISK_AND_PROCESS,
        "killed at any await: intent before send, outcome after, settled before the next plan",
        (
            f"{SIMULATED}a_reference_does_what_it_is_named_for_and_a_kill_at_steps_all_over_it_loses_nothing",
            f"{BESIDE}a_bot_killed_at_random_moments_leaves_no_duplicate_and_no_orphan",
            f"{DRILL}kills_of_a_real_bot_leave_both_ledgers_alike_and_their_files_where_one_wants_them",
            f"{CYCLE}every_send_stands_between_two_records_of_it",
        ),
    ),
    Mode(
        47,
        DISK_AND_PROCESS,
        "killed while recovering, again and again: recovering twice changes nothing",
        (
            f"{RECONCILE}reconciling_twice_changes_nothing",
            f"{SIMULATED}crashes_around_a_commit_lose_nothing",
            f"{PROCESS}killed_at_random_moments_it_sends_nothing_twice_and_loses_nothing",
        ),
    ),
    Mode(
        48,
        DISK_AND_PROCESS,
        "a supervisor starts it again and again: the fourth bad start in ten minutes freezes",
        (f"{DAEMON}the_fourth_start_within_ten_minutes_of_three_bad_ends_freezes",),
    ),
    Mode(
        49,
        DISK_AND_PROCESS,
        "the disk is full as an intent is written: no commit, no order",
        (
            f"{DISK}no_room_for_an_intent_is_no_order_and_with_room_again_it_goes_on",
            f"{DISK}no_room_for_the_word_before_the_send_is_no_order",
        ),
    ),
    Mode(
        50,
        DISK_AND_PROCESS,
        "the disk is full as an outcome is written: the cycle stops, the venue tells it later",
        (f"{DISK}no_room_for_an_outcome_stops_the_cycle_and_the_venue_tells_it_later",),
    ),
    Mode(
        51,
        DISK_AND_PROCESS,
        "the database is locked: waited for, then no order",
        (
            f"{DISK}a_record_that_somebody_locked_is_no_order",
            f"{IN_SQL}a_writer_waits_for_another_process_and_then_gives_up_in_one_line",
        ),
    ),
    Mode(
        52,
        DISK_AND_PROCESS,
        "the server of the database goes away: ids are functions of the decision, written once",
        (
            f"{STORE}a_client_id_is_taken_once",
            f"{STORE}a_cycle_is_recorded_once",
            f"{IN_SQL}a_server_that_is_not_there_is_one_line_without_the_password",
        ),
    ),
    Mode(
        53,
        DISK_AND_PROCESS,
        "committed, and the answer is lost: said twice is said once",
        (f"{STORE}appending_twice_is_appending_once", f"{SIMULATED}crashes_around_a_commit_lose_nothing"),
    ),
    Mode(
        54,
        DISK_AND_PROCESS,
        "a task is cancelled within a commit: done or not begun, never half",
        (f"{STORE}a_write_that_is_cancelled_is_done_or_not_begun_but_never_half",),
    ),
    Mode(
        55,
        DISK_AND_PROCESS,
        "the record is damaged, another account's, a newer version's or gone: refused or frozen",
        (
            f"{WIRING}a_damaged_record_is_refused_before_anything_is_written",
            f"{SCHEMA}an_older_version_refuses_a_newer_schema",
            f"{LIVE}a_record_of_another_account_is_refused",
            f"{FOREIGN}an_empty_record_before_an_account_that_we_traded_yesterday_freezes",
        ),
    ),
    Mode(
        56,
        DISK_AND_PROCESS,
        "a record put back from a backup: the venue's newer trades freeze it",
        (f"{FOREIGN}a_record_restored_from_a_backup_is_told_by_the_venues_newer_trades",),
    ),
    Mode(
        57,
        DISK_AND_PROCESS,
        "SIGTERM in the middle: what is under way ends, own orders are cancelled, all is written",
        (
            f"{PROCESS}sigterm_ends_it_in_time_with_everything_recorded",
            f"{DAEMON}the_end_leaves_no_order_of_ours_in_the_book",
        ),
    ),
    Mode(
        58,
        DISK_AND_PROCESS,
        "the machine sleeps, its clock jumps: a cycle runs once, and late orders stay",
        (
            f"{DAEMON}a_clock_set_back_runs_no_completed_cycle_again_and_one_set_on_runs_none_twice",
            f"{SKEW}a_machine_that_slept_between_decision_and_send_sends_nothing",
        ),
    ),
    Mode(
        59,
        DISK_AND_PROCESS,
        "the loop is blocked for seconds: an order past its time is not sent",
        (f"{PERMIT}nothing_leaves_after_its_time",),
    ),
    Mode(
        60,
        DISK_AND_PROCESS,
        "a task in the background dies: the process ends with an error instead of being deaf",
        (
            f"{HERE}background.py::test_a_watcher_that_dies_ends_the_daemon",
            f"{DAEMON}who_loses_the_lease_stops_at_once",
        ),
    ),
    Mode(
        61,
        DISK_AND_PROCESS,
        "alerts cannot be delivered: a bounded queue beside the trading, counted and tried again",
        (
            f"{OUTBOX}a_failing_channel_is_tried_again_with_growing_pauses",
            f"{OUTBOX}a_full_queue_gives_up_the_least_important_oldest_one",
        ),
    ),
    Mode(
        62,
        CONTROL,
        "a bad edit of the configuration: the old one stays in force, frozen until it is mended",
        (
            "tests/unit/test_daemon_edits.py::test_a_broken_edit_keeps_the_old_configuration_freezes_and_lifts_by_itself",
            f"{SETTINGS}any_text_is_refused_in_printable_lines",
        ),
    ),
    Mode(
        63,
        CONTROL,
        "a valid and dangerous edit: refused where it passes the file's own limits",
        (
            f"{HERE}edits.py::test_an_edit_beyond_the_limits_leaves_the_running_bot_as_it_was",
            "tests/unit/core/test_advice.py::test_leverage_over_three_is_warned_of",
        ),
        "an edit that raises the limit as well is in force from the next cycle: there is no second confirmation",
    ),
    Mode(
        64,
        CONTROL,
        "the kill switch is flipped in the middle: asked between the connection and the first byte",
        (
            f"{BROKER}the_permit_is_asked_after_the_connection_and_before_the_first_byte",
            f"{STOP}a_kill_between_two_legs_denies_the_second_and_breaks_the_pair",
            f"{PERMIT}the_kill_level_decides",
        ),
    ),
    Mode(
        65,
        CONTROL,
        "killed with resting orders: all own ones are cancelled",
        (
            f"{STOP}a_halt_cancels_what_rests_and_learns_what_became_of_what_is_unknown",
            "tests/unit/engine/test_resting.py::test_a_halt_cancels_what_rests_and_its_fills_are_booked",
        ),
    ),
    Mode(
        66,
        CONTROL,
        "killed while database or file cannot be read: what cannot be read freezes",
        (
            f"{STOP}an_unreachable_table_freezes_and_what_was_set_meanwhile_is_written_later",
            f"{STOP}an_unreadable_file_freezes_while_it_lasts_and_lifts_by_itself",
        ),
    ),
    Mode(
        67,
        CONTROL,
        "killed, then started again: only a resume lifts it",
        (
            f"{PROCESS}a_halt_in_the_file_stops_the_running_bot_and_only_a_resume_lifts_it",
            f"{STOP}a_signal_counts_at_once_and_outlives_the_process",
        ),
    ),
    Mode(
        68,
        CONTROL,
        "paper and live are mixed up: the mode is in record and ids, and live wants three words",
        (
            f"{SETTINGS}a_mode_goes_with_its_environments_and_no_other",
            f"{LIVE}each_term_of_live_is_refused_until_it_holds_and_then_orders_go_out",
            f"{FOREIGN}another_modes_letter_is_another_writer_too",
        ),
    ),
    Mode(
        69,
        CONTROL,
        "an upgrade in the middle of an order: nothing is migrated while one is unfinished",
        (
            f"{SCHEMA}nothing_is_migrated_while_an_order_is_unfinished",
            f"{SCHEMA}a_migration_that_fails_leaves_everything_as_it_was",
        ),
    ),
    Mode(
        70,
        CONTROL,
        "old code on another machine: shut out by the lease's number, refused by a newer schema",
        (
            f"{STORE}a_new_process_of_the_same_name_shuts_the_old_one_out",
            f"{SCHEMA}an_older_version_refuses_a_newer_schema",
            "tests/unit/engine/test_verify.py::test_a_decision_of_another_version_is_named_and_not_compared",
        ),
    ),
    Mode(
        71,
        LOGIC,
        "the spot leg fills and the futures leg fails: owed, completed, or its asset halted and told",
        (
            f"{RECONCILE}the_leg_that_a_lost_answer_kept_back_is_owed_and_completed",
            f"{SILENCE}a_pair_that_is_not_mended_in_time_halts_its_asset_and_says_so",
            "tests/rules/test_triggers.py::test_r_w7_a_short_that_is_missing_after_its_sale_is_opened",
        ),
    ),
    Mode(
        72,
        LOGIC,
        "a sale fills in part: what it did not bring in is not spent",
        (
            f"{EXECUTE}what_a_sale_did_not_bring_in_is_not_bought",
            f"{PLANS}any_prefix_of_fills_leaves_no_net_short_and_the_floor",
        ),
    ),
    Mode(
        73,
        LOGIC,
        "to and fro at the edge of a band: benefit over cost, cooldown, a day's turnover",
        (
            f"{PLANS}after_a_whole_plan_the_next_one_never_turns_on_an_asset",
            f"{PACE}r_g6_after_an_episode_comes_a_cooldown_longer_where_the_direction_turns",
            "tests/rules/test_gate_benefit.py::test_r_g10_a_small_drift_in_a_narrow_band_is_not_worth_its_cost",
        ),
    ),
    Mode(
        74,
        LOGIC,
        "own orders move what is measured: repeated orders without an effect halt their asset",
        (
            "tests/rules/test_gate_runaway.py::test_r_g15_the_third_order_without_an_effect_halts_the_asset",
            "tests/unit/engine/test_medians.py::test_one_wild_day_does_not_move_what_is_usual",
        ),
    ),
    Mode(
        75,
        LOGIC,
        "fees, slippage, rounding cross the floor: buys are cut at their worst price, all counted",
        (
            f"{FLOOR}r_g7_a_buy_that_would_pass_the_floor_is_cut_and_its_worst_price_stays_above",
            f"{FLOOR}r_g7_open_buys_and_their_fees_are_counted",
            f"{PLANS}any_prefix_of_fills_leaves_no_net_short_and_the_floor",
        ),
    ),
    Mode(
        76,
        LOGIC,
        "the venue refuses everything: no more orders than an hour may have",
        (
            f"{HERE}refused.py::test_where_everything_is_refused_no_more_is_sent_than_an_hour_may_have",
            f"{PACE}r_g6_orders_per_minute_and_per_hour_are_limited",
        ),
    ),
    Mode(
        77,
        LOGIC,
        "the venue closes for maintenance: nothing is decided on what cannot be read",
        (
            f"{FAULTS}a_halted_symbol_takes_no_order_and_says_it_is_inactive",
            f"{DATA}r_g2_a_gap_in_what_was_read_stops_everything_that_needs_equity",
            f"{BROKER}a_venue_that_cannot_be_reached_was_sent_nothing",
        ),
    ),
    Mode(
        78,
        LOGIC,
        "an amount is rounded to nothing, or up over the balance: cut towards nothing, the rest named",
        (
            f"{FILTERS}r_g11_amounts_are_cut_to_the_step",
            "tests/unit/core/test_instruments.py::test_a_cut_amount_is_never_more_than_was_asked",
            f"{BROKER}what_is_off_the_grid_is_not_sent_rounded",
        ),
    ),
    Mode(
        79,
        LOGIC,
        "the venue does not list a target: told, waited for, and its weight given to nobody",
        (
            "tests/unit/core/test_advice.py::test_a_target_the_venue_does_not_list_is_warned_of",
            f"{FILTERS}r_g11_a_halted_or_unlisted_market_waits",
            "tests/rules/test_targets.py::test_r_t1_targets_that_do_not_sum_to_one_are_refused_with_their_sum",
        ),
    ),
    Mode(
        80,
        LOGIC,
        "a float in the way of money: amounts are exact from the wire to the record",
        (
            f"{CLIENT}structures_are_born_without_floats",
            f"{IN_SQL}what_is_no_exact_number_or_no_instant_never_reaches_a_column",
            f"{STORE}money_comes_back_digit_by_digit",
        ),
    ),
)
