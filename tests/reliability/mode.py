"""The noun of the table of failure modes, and where the tests that it names stand."""

from __future__ import annotations

from dataclasses import dataclass

BROKER = "tests/unit/venues/ccxt/test_broker.py::test_"
CLIENT = "tests/unit/venues/ccxt/test_client.py::test_"
MAPPING = "tests/unit/venues/ccxt/test_mapping.py::test_"
READS = "tests/unit/venues/ccxt/test_reads.py::test_"
READS_AGAIN = "tests/unit/venues/ccxt/test_reads_again.py::test_"
WIRE = "tests/wire/test_ccxt_binance.py::test_"
FAULTS = "tests/wire/test_faults.py::test_"
VENUE = "tests/contract/venue/test_venue_contract.py::test_"
STORE = "tests/contract/store/test_store_contract.py::test_"
SCHEMA = "tests/contract/store/test_schema.py::test_"
IN_SQL = "tests/contract/store/test_in_sql.py::test_"
RECONCILE = "tests/unit/engine/test_reconcile.py::test_"
SILENCE = "tests/unit/engine/test_silence.py::test_"
SQLITE = "tests/unit/engine/test_in_sqlite.py::test_"
EXECUTE = "tests/unit/engine/test_execute.py::test_"
DISK = "tests/unit/engine/test_disk.py::test_"
FOREIGN = "tests/unit/engine/test_foreign.py::test_"
GUARD = "tests/unit/engine/test_guard.py::test_"
PERMIT = "tests/unit/engine/test_permit.py::test_"
SKEW = "tests/unit/engine/test_skew.py::test_"
STOP = "tests/unit/engine/test_stop.py::test_"
CYCLE = "tests/unit/engine/test_cycle.py::test_"
DAEMON = "tests/unit/test_daemon.py::test_"
SETTINGS = "tests/unit/test_settings.py::test_"
WIRING = "tests/unit/test_wiring.py::test_"
OUTBOX = "tests/unit/alerts/test_outbox.py::test_"
SIMULATED = "tests/simulation/test_campaign.py::test_"
PROCESS = "tests/e2e/test_process.py::test_"
BESIDE = "tests/e2e/test_beside.py::test_"
LIVE = "tests/e2e/test_live.py::test_"
DRILL = "tests/unit/cli/test_drill_command.py::test_"
PLANS = "tests/property/test_plan.py::test_"
DATA = "tests/rules/test_gate_data.py::test_"
FILTERS = "tests/rules/test_gate_filters.py::test_"
STOPPING = "tests/rules/test_stopping.py::test_"
OCCASIONS = "tests/rules/test_occasions.py::test_"
PACE = "tests/rules/test_gate_pace.py::test_"
COLLAR = "tests/rules/test_gate_collar.py::test_"
FLOOR = "tests/rules/test_gate_floor.py::test_"
HERE = "tests/reliability/test_"


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to fail; ``tests`` are node ids, ``not_here`` is empty where all of it is held by them."""

    number: int
    part: str
    what: str
    tests: tuple[str, ...]
    not_here: str = ""


THE_WIRE, DATA_IN, BEHIND = "the wire", "market data", "the account, behind the bot's back"
DISK_AND_PROCESS, CONTROL, LOGIC = "process, disk, database", "configuration, control, operations", "portfolio logic"
